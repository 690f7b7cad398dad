"""What requests hold that the schema of the training data does not allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pandas as pd
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from reports.data.schema import Anomaly
from reports.requests.logged import LoggedRequests, Row

# What the rows of requests are called in place of a split.
REQUESTS: Final = "requests"


def anomalies_of(requests: LoggedRequests, schema: Any) -> Iterator[Anomaly]:
    """The values of users and of movies that are not in the schema's domains, by TFDV.

    Args:
      requests: what is judged.
      schema: the curated one of the run.
    """
    for what, rows in (("users", requests.users), ("movies", requests.movies)):
        if not rows:
            continue
        frame = pd.DataFrame(_columns(rows), dtype=object)
        found = tfdv.validate_statistics(
            tfdv.generate_statistics_from_dataframe(frame, n_jobs=1), _optional(schema, list(frame.columns))
        )
        for name, info in found.anomaly_info.items():
            severity = anomalies_pb2.AnomalyInfo.Severity.Name(info.severity).lower()
            yield Anomaly(what, REQUESTS, name, severity, info.short_description, info.description)


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    names = sorted({name for row in rows for name in row})
    return {name: [row.get(name) for row in rows] for name in names}


def _optional(schema: Any, names: Sequence[str]) -> Any:
    """The rules of these features alone; a request does not have to have any of them."""
    found = schema_pb2.Schema()
    found.CopyFrom(schema)
    del found.feature[:]
    for feature in schema.feature:
        if feature.name in names:
            kept = found.feature.add()
            kept.CopyFrom(feature)
            kept.ClearField("presence")
            if kept.HasField("shape"):
                kept.ClearField("shape")
                kept.value_count.min = kept.value_count.max = 1
            kept.ClearField("skew_comparator")
            kept.ClearField("drift_comparator")
    return found
