"""What ExampleValidator found, by severity and against the reviewed list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.data_gate.checks import ANOMALY, FAILED, Check, allowed, at_most
from components.data_gate.settings import DataGateSettings

_SEVERITIES: Final = {
    "error": (anomalies_pb2.AnomalyInfo.ERROR,),
    "warning": (anomalies_pb2.AnomalyInfo.ERROR, anomalies_pb2.AnomalyInfo.WARNING),
}


def unknown_anomalies(settings: DataGateSettings) -> list[str]:
    """The names in the reviewed list that no anomaly can have."""
    known = anomalies_pb2.AnomalyInfo.Type.keys()
    return [entry.anomaly for entry in settings.allow if entry.anomaly not in known]


def anomaly_checks(
    table: str, by_split: Mapping[str, anomalies_pb2.Anomalies], settings: DataGateSettings
) -> list[Check]:
    """One check an anomaly, or one for the whole split where there is none.

    An anomaly below the severity that stops a run is in the record with the threshold that it does not count
    for.

    Args:
      table: `ratings` or `movies`.
      by_split: what ExampleValidator wrote, by the name of the split.
      settings: the severity and the reviewed list.
    """
    checks = []
    for split, anomalies in sorted(by_split.items()):
        where = f"{split} split"
        found = [
            _check(table, where, feature, severity, kind, description, settings)
            for feature, severity, kind, description in _reasons(anomalies)
        ]
        if anomalies.data_missing:
            found.append(
                at_most(ANOMALY, table, "DATA_MISSING", 1, 0, where, "the split does not hold Examples")
            )
        checks += found or [at_most(ANOMALY, table, "anomalies", 0, 0, where)]
    return checks


def _reasons(anomalies: anomalies_pb2.Anomalies) -> Iterator[tuple[str, int, str, str]]:
    """Yields (feature, severity, type, description) of every reason of every anomaly."""
    infos: list[tuple[str, Any]] = sorted(anomalies.anomaly_info.items())
    if anomalies.HasField("dataset_anomaly_info"):
        infos.append(("", anomalies.dataset_anomaly_info))
    for feature, info in infos:
        for reason in info.reason:
            kind = anomalies_pb2.AnomalyInfo.Type.Name(reason.type)
            yield feature, info.severity, kind, f"{reason.short_description}: {reason.description}"


def _check(
    table: str,
    where: str,
    feature: str,
    severity: int,
    kind: str,
    description: str,
    settings: DataGateSettings,
) -> Check:
    stops = severity in _SEVERITIES[settings.anomaly_severity]
    name = f"{table}.{feature}" if feature else table
    check = at_most(ANOMALY, name, kind, 1, 0 if stops else 1, where, description)
    if check.verdict == FAILED and feature:
        allow = f'data_gate.allow=[{{feature: {feature}, anomaly: {kind}, reason: "..."}}]'
        check = replace(check, setting=allow)
    for entry in settings.allow:
        if (entry.feature, entry.anomaly) == (feature, kind):
            return allowed(check, entry.reason)
    return check
