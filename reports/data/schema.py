"""The curated schema and what in the data does not keep to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from reports.section import Cell, Column, Part, Table
from reports.verdict import Verdict, worst

_SCHEMA_FILE: Final = "schema.pbtxt"
_ANOMALIES_FILE: Final = "SchemaDiff.pb"
_VALUES_SHOWN: Final = 8


class Anomaly(NamedTuple):
    """Something in a split that the schema does not allow."""

    table: str
    split: str
    feature: str
    severity: str
    summary: str
    description: str


def read_schema(folder: Path) -> Any:
    """The schema of an artifact."""
    text = (folder / _SCHEMA_FILE).read_text(encoding="utf-8")
    return text_format.Parse(text, schema_pb2.Schema())


def read_anomalies(table: str, folder: Path) -> Iterator[Anomaly]:
    """The anomalies of each split of an artifact.

    Args:
      table: what the Examples are, `ratings` or `movies`.
      folder: of the artifact.
    """
    for path in sorted(folder.glob(f"Split-*/{_ANOMALIES_FILE}")):
        split = path.parent.name.removeprefix("Split-")
        found = anomalies_pb2.Anomalies.FromString(path.read_bytes())
        if found.data_missing:
            yield Anomaly(table, split, "(all)", "error", "No data", "The split does not hold Examples.")
        for name, info in [*found.anomaly_info.items(), *_of_dataset(found)]:
            severity = anomalies_pb2.AnomalyInfo.Severity.Name(info.severity).lower()
            yield Anomaly(table, split, name, severity, info.short_description, info.description)


def _of_dataset(found: Any) -> list[tuple[str, Any]]:
    has = found.HasField("dataset_anomaly_info")
    return [("(data set)", found.dataset_anomaly_info)] if has else []


def anomalies_part(
    anomalies: list[Anomaly], validated: list[str], checks: Sequence[Mapping[str, Any]] | None = None
) -> Part:
    """The table of anomalies.

    Args:
      anomalies: of all tables.
      validated: the tables that were validated, with or without anomalies.
      checks: those of the data gate, whose verdicts hold; None where it has not judged.
    """
    title, where = "Anomalies", " and ".join(validated)
    if not validated:
        return Part("data-anomalies", title, answer="Nothing was validated: no validator finished.")
    answer = (
        f"{len(anomalies)} anomalies against the curated schema in {where}."
        if len(anomalies) != 1
        else f"One anomaly against the curated schema in {where}."
    )
    verdicts = [verdict_of(found, checks) for found in anomalies]
    table = Table(
        "anomalies",
        "What in the data does not keep to the curated schema.",
        tuple(
            map(Column, ("feature", "verdict", "Examples", "split", "severity", "what is wrong", "in detail"))
        ),
        tuple(
            (
                found.feature,
                verdict,
                found.table,
                found.split,
                found.severity,
                found.summary,
                found.description,
            )
            for found, verdict in zip(anomalies, verdicts, strict=True)
        ),
        filterable=True,
        empty=f"No anomalies: every split of {where} keeps to the curated schema.",
    )
    return Part(
        "data-anomalies",
        title,
        answer=answer if anomalies else "No anomalies.",
        tables=(table,),
        verdict=worst([Verdict.PASSED, *verdicts]),
    )


def verdict_of(anomaly: Anomaly, checks: Sequence[Mapping[str, Any]] | None) -> Verdict:
    """The gate's own verdict; a warning where it let the anomaly pass.

    Where it has not judged: failed for an error, a warning for anything milder.
    """
    if checks is None:
        return Verdict.FAILED if anomaly.severity == "error" else Verdict.WARNING
    named = {anomaly.table, f"{anomaly.table}.{anomaly.feature}"}
    where = f"{anomaly.split} split"
    refused = any(
        check["name"] == "anomaly" and check["feature"] in named and check["where"] == where
        for check in checks
        if check["verdict"] == "failed"
    )
    return Verdict.FAILED if refused else Verdict.WARNING


def schema_part(schemas: dict[str, Any]) -> Part:
    """The rules of the curated schemas, by table."""
    rows: list[tuple[Cell, ...]] = []
    for table, schema in schemas.items():
        domains = {domain.name: list(domain.value) for domain in schema.string_domain}
        for feature in schema.feature:
            rows.append(
                (
                    feature.name,
                    table,
                    schema_pb2.FeatureType.Name(feature.type).lower(),
                    "required" if feature.presence.min_fraction == 1 else "optional",
                    _values_each(feature),
                    _domain(feature, domains),
                    threshold_of(feature.skew_comparator),
                    threshold_of(feature.drift_comparator),
                )
            )
    return Part(
        "data-schema",
        "Schema",
        answer=f"The curated schemas rule {len(rows)} features.",
        tables=(
            Table(
                "schema",
                "What the curated schemas allow.",
                (
                    *map(Column, ("feature", "Examples", "type", "presence", "values each", "domain")),
                    Column(
                        "skew threshold",
                        ".3g",
                        "Of eval from train; the gate adds what chance does",
                    ),
                    Column(
                        "drift threshold",
                        ".3g",
                        "To the last accepted run; the gate adds what chance does",
                    ),
                ),
                tuple(rows),
                filterable=True,
                empty="The run does not have a schema.",
            ),
        ),
    )


def threshold_of(comparator: Any) -> float | None:
    """The threshold of a drift or skew comparator, None if it has none."""
    for kind in ("infinity_norm", "jensen_shannon_divergence", "normalized_abs_difference"):
        if comparator.HasField(kind):
            return float(getattr(comparator, kind).threshold)
    return None


def _values_each(feature: Any) -> str:
    if feature.HasField("shape"):
        size = 1
        for dimension in feature.shape.dim:
            size *= dimension.size
        return str(size)
    count = feature.value_count
    if count.max and count.min == count.max:
        return str(count.max)
    return f"{count.min}-{count.max}" if count.max else f"{count.min} or more"


def _domain(feature: Any, domains: dict[str, list[str]]) -> str:
    kind = feature.WhichOneof("domain_info")
    if kind == "domain":
        values = domains.get(feature.domain, [])
        more = f" and {len(values) - _VALUES_SHOWN} more" if len(values) > _VALUES_SHOWN else ""
        return ", ".join(values[:_VALUES_SHOWN]) + more
    if kind in ("int_domain", "float_domain"):
        found = getattr(feature, kind)
        return f"{found.min:.10g} to {found.max:.10g}"
    return "any"
