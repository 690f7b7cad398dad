"""The page about the requests of a served version."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contracts.features import BUCKETIZED_USER_AGE, RAW_USER_AGE, TRAIN_SPLIT
from reports.data.drift import read_distributions
from reports.data.schema import read_schema
from reports.data.statistics import read_statistics
from reports.errors import ReportError
from reports.index.recorded import report_folder
from reports.page import JSON_VERSION, Head, Report, write_page
from reports.reading.run_data import Run
from reports.requests.anomalies import anomalies_of
from reports.requests.catalogue import add_catalogue
from reports.requests.logged import RequestLogs
from reports.requests.section import JudgedRequests, requests_section
from reports.requests.skew import compared


def judge(run: Run, version: int, logs: RequestLogs, catalogue: Path) -> JudgedRequests:
    """Compares the requests of a version with the data that it was trained on.

    Args:
      run: that trained it.
      version: its number.
      logs: have requests of it; rows about users and movies are completed.
      catalogue: the file of the version; requests are compared without it where it is missing.

    Raises:
      ReportError: the run has left no statistics or schema.
    """
    requests = logs.versions[version]
    statistics, schema = _training(run)
    counted = read_distributions(run).get(TRAIN_SPLIT, {})
    if catalogue.is_file():
        add_catalogue(requests, catalogue, RAW_USER_AGE if RAW_USER_AGE in counted else BUCKETIZED_USER_AGE)
    found = list(compared(requests, statistics, schema, counted))
    return JudgedRequests(version, run.id, logs, found, list(anomalies_of(requests, schema)))


def write_requests_page(run: Run, judged: JudgedRequests, folders: Sequence[Path]) -> Report:
    """Writes the page and the JSON beside it, below the output folder of the run."""
    section = requests_section(judged)
    again = shlex.join(["python", "-m", "pipeline", "serving-skew", *map(str, folders)])
    head = Head(
        title=f"Requests to version {judged.version}",
        about=f"Logged requests beside {run.data_name}, train split of run {run.id}",
        synthetic=run.synthetic,
        footer=f"This file loads nothing from anywhere. To build it again: {again} --output {run.output}",
    )
    values = {"version": JSON_VERSION, "run": run.id, **section.metrics, "verdict": judged.verdict.value}
    return write_page(head, [section], values, report_folder(run.output, f"requests-{judged.version}"))


def _training(run: Run) -> tuple[Any, Any]:
    statistics = run.artifact("RatingsStatistics", "statistics")
    schema = run.artifact("RatingsSchema", "schema")
    if statistics is None or schema is None:
        raise ReportError(f"run {run.id} has left no statistics or schema: they may have been removed")
    found = read_statistics(statistics.folder).get(TRAIN_SPLIT)
    if found is None:
        raise ReportError(f"{statistics.folder}: does not hold statistics of the {TRAIN_SPLIT} split")
    return found.datasets[0], read_schema(schema.folder)
