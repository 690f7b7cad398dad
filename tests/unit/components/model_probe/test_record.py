"""The verdict of a probe: on the console, to whoever does not push, and in its record."""

from __future__ import annotations

import json

from components.data_gate.checks import at_most
from components.model_probe.record import ProbeRecord

LATENCY = [
    at_most("latency", name, "milliseconds", metric, 100) for name, metric in (("a", 2.0), ("b", 3.25))
]
MEMORY = at_most("memory", "process", "peak growth in MiB", 312.4, 4096)
SLOW = at_most("latency", "recommend", "milliseconds", 250.0, 100)
ENDLESS = at_most("transform", "transform_features", "largest difference", float("inf"), 1e-6)


def test_a_model_that_passed() -> None:
    record = ProbeRecord([*LATENCY, MEMORY])
    assert record.blessed
    assert record.reason() == ""
    assert record.summary() == "3 checks passed, warm b 3.2 ms, memory +312 MiB"


def test_a_model_that_did_not() -> None:
    record = ProbeRecord([ENDLESS, SLOW, SLOW, MEMORY])
    assert not record.blessed
    assert record.reason() == (
        "transform_features: transform, largest difference inf (threshold: at most 1e-06); "
        "recommend: latency, milliseconds 250 (threshold: at most 100); and 1 more"
    )
    assert record.summary() == f"refused: {record.reason()}"
    written = json.loads(record.to_json())
    assert written["blessed"] is False
    assert [check["value"] for check in written["checks"]] == [None, 250.0, 250.0, 312.4]
