"""Ratings of people whom the models have never seen, from the raw features of `ratings` Examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Union

import numpy as np

from contracts import features, signatures
from serving.client.batches import chunks
from serving.client.calls import (
    BrokenContractError,
    Call,
    Plan,
    Version,
    outputs,
    predict,
    served_by,
)
from serving.client.messages import Example
from serving.client.results import ExampleRatings

# A feature is one value or a list; texts and integers are themselves, floats are 32 bits wide.
Feature = Union[str, int, float, Sequence[str], Sequence[float]]


def rate_examples(
    rows: Sequence[Mapping[str, Feature]], version: Version, batch_size: int
) -> Plan[ExampleRatings]:
    """The predicted rating of each row, all by one version."""
    batches = chunks([_serialized(row) for row in rows], batch_size, lambda _: 1)
    if not batches:
        raise ValueError("there are no rows to rate")

    def call(batch: Sequence[bytes], of_version: Version) -> Call:
        inputs = {signatures.EXAMPLES: np.array(batch, object)}
        return predict(signatures.RANKING, signatures.SERVING_DEFAULT, inputs, of_version)

    ratings: list[float] = []
    for batch in batches:
        answer = yield call(batch, version)
        model = served_by(answer)
        # The version of the first answer gives the other ones too.
        version = model.version
        ratings += outputs(answer, {features.USER_RATING: (len(batch),)})[features.USER_RATING].tolist()
    if not np.isfinite(ratings).all():
        raise BrokenContractError(model.model, "a predicted rating is not a number")
    return ExampleRatings(tuple(ratings), model)


def _serialized(row: Mapping[str, Feature]) -> bytes:
    example = Example()
    for name, value in row.items():
        values: Any = [value] if isinstance(value, (str, int, float)) else list(value)
        if not values:
            # Without a value there is not a type either: the feature counts as absent.
            continue
        feature = example.features.feature[name]
        if all(isinstance(each, str) for each in values):
            feature.bytes_list.value.extend(each.encode() for each in values)
        elif all(isinstance(each, int) for each in values):
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    return example.SerializeToString()  # type: ignore[no-any-return]
