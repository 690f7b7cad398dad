"""The section *Data validation*: rows, the gate, statistics, schema, anomalies, drift and skew."""

from __future__ import annotations

from typing import Any, Final

from contracts import features
from reports.data import distances
from reports.data import rows as data_rows
from reports.data import schema as data_schema
from reports.data import statistics as data_statistics
from reports.data.distances import DistanceCheck
from reports.data.gate import gate_part, read_record
from reports.data.statistics import Statistics
from reports.reading import run_settings
from reports.reading.run_data import Run
from reports.section import Section
from reports.verdict import Verdict, worst

# The nodes of each table of Examples: statistics, schema, validator.
_TABLES: Final = {
    "ratings": ("RatingsStatistics", "RatingsSchema", "RatingsValidator"),
    "movies": ("MoviesStatistics", "MoviesSchema", "MoviesValidator"),
}


def data_section(run: Run) -> Section:
    """What came in, what it looks like, and what in it is not as it should be."""
    rows = {
        node_id: data_rows.read_rows(run, node_id)
        for node_id in (run_settings.RATINGS_GEN, run_settings.MOVIES_GEN)
    }
    statistics = {table: _statistics(run, table) for table in _TABLES}
    schemas = _schemas(run)
    anomalies: list[data_schema.Anomaly] = []
    validated: list[str] = []
    for table, (_, _, validator) in _TABLES.items():
        artifact = run.artifact(validator, "anomalies")
        if artifact is not None:
            validated.append(table)
            anomalies += data_schema.read_anomalies(table, artifact.folder)
    checks = _checks(run, statistics, schemas)
    record = read_record(run)
    judged = (
        data_rows.rows_part(rows),
        *([gate_part(*record)] if record else []),
        data_schema.anomalies_part(anomalies, validated),
        distances.checks_part(checks, _compared(run)),
    )
    parts = (
        *judged,
        *(data_statistics.statistics_part(table, found) for table, found in statistics.items() if found),
        data_schema.schema_part(schemas),
    )
    verdicts = [part.verdict for part in parts if part.verdict]
    return Section(
        id="data",
        title="Data validation",
        answer=" ".join(part.answer for part in judged),
        parts=parts,
        verdict=worst(verdicts) if verdicts else None,
        metrics={
            "rows": data_rows.metrics(rows),
            "gate": record[0] if record else None,
            "anomalies": [found._asdict() for found in anomalies],
            "checks": distances.values(checks),
        },
    )


def _statistics(run: Run, table: str) -> Statistics:
    artifact = run.artifact(_TABLES[table][0], "statistics")
    return data_statistics.read_statistics(artifact.folder) if artifact else {}


def _schemas(run: Run) -> dict[str, Any]:
    found = {}
    for table, (_, schema, _) in _TABLES.items():
        artifact = run.artifact(schema, "schema")
        if artifact is not None:
            found[table] = data_schema.read_schema(artifact.folder)
    return found


def _checks(run: Run, statistics: dict[str, Statistics], schemas: dict[str, Any]) -> list[DistanceCheck]:
    checks: list[DistanceCheck] = []
    for table, schema in schemas.items():
        now = statistics[table]
        train, evaluation = (now.get(split) for split in (features.TRAIN_SPLIT, features.EVAL_SPLIT))
        if train is not None and evaluation is not None:
            # The threshold is meant for what is served; that the eval split is above it stops nobody.
            checks += distances.measure(
                "train and eval splits",
                table,
                schema,
                train,
                evaluation,
                comparator="skew_comparator",
                above=Verdict.WARNING,
            )
    return checks + (drift(run, run.before_data, "the data before") if run.before_data else [])


def drift(run: Run, before: Run, against: str) -> list[DistanceCheck]:
    """The distances of the run's data from that of another, against the thresholds for drift.

    The eval split is left out: what is held out may change with a setting.

    Args:
      run: has the schemas with the thresholds.
      before: the other run.
      against: what the checks call it.
    """
    checks = []
    for table, schema in _schemas(run).items():
        now, then = _statistics(run, table), _statistics(before, table)
        for split in sorted(now.keys() & then.keys() - {features.EVAL_SPLIT}):
            checks += distances.measure(
                f"{split} split: {against}",
                table,
                schema,
                now[split],
                then[split],
                comparator="drift_comparator",
                above=Verdict.FAILED,
            )
    return checks


def _compared(run: Run) -> tuple[str, ...]:
    """What the distances are between."""
    skew = (
        "The train and the eval split are compared with the thresholds for skew, which apply to data that is "
        "served: a distance above one of them is a warning."
    )
    if run.before_data is None:
        return (
            skew,
            "The metadata store does not have an earlier run on other data, so there is no drift to show.",
        )
    return (skew, f"Drift is against run {run.before_data.id}, the latest one before on other data.")
