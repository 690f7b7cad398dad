"""The gate's record on the page: what failed first, and the refusal that the run ended with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reports.data.gate import gate_part, read_record
from reports.page import shown
from reports.reading.run_data import Artifact, Node, NodeState, Run
from reports.verdict import Verdict

PASSED = {
    "name": "volume",
    "feature": "ratings",
    "measure": "rows",
    "value": 8000.0,
    "threshold": 1000.0,
    "bound": "at least",
    "verdict": "passed",
    "where": "train split",
    "detail": "",
}
FAILED = {
    **PASSED,
    "name": "missing values",
    "feature": "ratings.raw_user_age",
    "measure": "share of Examples without it",
    "value": 0.4,
    "threshold": 0.2,
    "bound": "at most",
    "verdict": "failed",
}


def record(*checks: dict[str, Any]) -> dict[str, Any]:
    failed = any(check["verdict"] == "failed" for check in checks)
    return {"accepted": not failed, "baseline": {"note": "no other run"}, "checks": list(checks)}


def test_what_failed_comes_first_with_metric_and_threshold() -> None:
    part = gate_part(record(PASSED, FAILED), Path("17.data_gate.json"))
    assert part.verdict is Verdict.FAILED
    assert part.answer == "The gate stopped the run before Transform: 1 failed, 1 passed."
    missed, passed = part.tables
    assert [row[:2] for row in missed.rows] == [("ratings.raw_user_age", Verdict.FAILED)]
    assert missed.rows[0][4:6] == (0.4, "at most 0.2")
    assert [row[:2] for row in passed.rows] == [("ratings", Verdict.PASSED)]
    assert (missed.folded, passed.folded) == (False, True)


def test_a_count_is_written_out_and_a_share_is_rounded() -> None:
    part = gate_part(record({**PASSED, "value": 100000.0}, {**PASSED, "value": 1 / 3}), Path("gate.json"))
    [table] = part.tables
    assert [shown(row[4], table.columns[4]) for row in table.rows] == ["100,000", "0.3333"]


def test_an_allowed_anomaly_is_a_warning() -> None:
    part = gate_part(record(PASSED, {**FAILED, "verdict": "allowed"}), Path("data_gate.json"))
    assert part.verdict is Verdict.WARNING
    assert part.answer == "The gate lets the data pass: 1 allowed, 1 passed."


def run_of(output: Path, node: Node, failure: str = "") -> Run:
    return Run("r", "movielens", output, (node,), "ml-tiny", synthetic=False, failure=failure)


def test_the_record_of_a_gate_that_let_data_pass(tmp_path: Path) -> None:
    (tmp_path / "17").mkdir()
    (tmp_path / "17" / "data_gate.json").write_text(json.dumps(record(PASSED)))
    artifact = Artifact(17, "components.DataGateResult", str(tmp_path / "17"))
    node = Node("DataGate", NodeState.DONE, outputs={"gate_result": (artifact,)})
    found = read_record(run_of(tmp_path, node))
    assert found is not None
    assert found[0]["accepted"] is True


def test_the_record_of_the_refusal_that_ended_the_run(tmp_path: Path) -> None:
    folder = tmp_path / "artifacts" / "DataGate" / "gate_result"
    folder.mkdir(parents=True)
    for number, share in ((17, 0.3), (21, 0.4), (25, 0.5)):
        kept = {**FAILED, "value": share}
        (folder / f"{number}.data_gate.json").write_text(json.dumps(record(kept)))
    refused = folder / "21.data_gate.json"
    node = Node("DataGate", NodeState.FAILED)
    found = read_record(run_of(tmp_path, node, f"DataGate: refused. Every check is in {refused}. Mend it"))
    assert found is not None
    assert found[1] == refused
    assert found[0]["checks"][0]["value"] == 0.4


def test_no_record_where_the_gate_did_not_run(tmp_path: Path) -> None:
    assert read_record(run_of(tmp_path, Node("DataGate", NodeState.NOT_RUN))) is None
