"""The section *Data validation*: rows, the gate, statistics, schema, anomalies, drift and skew."""

from __future__ import annotations

from typing import Any, Final

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

# What the gate calls its checks of distances and their verdicts.
_DISTANCES: Final = ("drift", "train/eval skew")
_VERDICTS: Final = {
    "passed": Verdict.PASSED,
    "failed": Verdict.FAILED,
    "allowed": Verdict.WARNING,
    "not compared": Verdict.NO_THRESHOLD,
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
    record = read_record(run)
    checks = _checks(record[0]) if record else []
    compared = record[0]["baseline"]["note"] if record else "The gate has not judged the data."
    judged = (
        data_rows.rows_part(rows),
        *([gate_part(*record)] if record else []),
        data_schema.anomalies_part(anomalies, validated, record[0]["checks"] if record else None),
        distances.checks_part(checks, [f"Drift: {compared}." if record else compared]),
    )
    parts = (
        *judged,
        *(data_statistics.statistics_part(table, found) for table, found in statistics.items() if found),
        data_schema.schema_part(schemas),
    )
    verdicts = [part.verdict for part in parts if part.verdict]
    # The gate decides about the data, and what it lets pass the page does not refuse.
    decided = gate_part(*record).verdict if record else worst(verdicts) if verdicts else None
    return Section(
        id="data",
        title="Data validation",
        answer=" ".join(part.answer for part in judged),
        parts=parts,
        verdict=decided,
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


def _checks(record: dict[str, Any]) -> list[DistanceCheck]:
    """The distances that the gate measured, with its own thresholds and verdicts."""
    return [
        DistanceCheck(
            f"{check['name']}: {check['where']}",
            check["feature"],
            check["measure"],
            check["value"],
            check["threshold"],
            _VERDICTS[check["verdict"]],
        )
        for check in record["checks"]
        if check["name"] in _DISTANCES and check["value"] is not None
    ]
