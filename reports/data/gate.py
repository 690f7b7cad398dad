"""What the data gate decided: every check with its value and its threshold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from contracts.artifacts import DATA_GATE_FILE
from reports.check_table import checks_tables, counted
from reports.reading.run_data import NodeState, Run
from reports.section import Fact, Part
from reports.verdict import Verdict

NODE: Final = "DataGate"
CHANNEL: Final = "gate_result"


def read_record(run: Run) -> tuple[dict[str, Any], Path] | None:
    """The gate's record and where it is, None if it has not judged the data.

    A gate that refuses leaves no artifact, but its record beside the place of the artifact.
    """
    artifact = run.artifact(NODE, CHANNEL)
    if artifact is not None:
        files = [artifact.folder / DATA_GATE_FILE]
    else:
        node = run.node(NODE)
        if node is None or node.state is not NodeState.FAILED:
            return None
        folder = run.output / "artifacts" / NODE / CHANNEL
        # Of several refusals, the one that the failure names.
        files = [file for file in folder.glob(f"*.{DATA_GATE_FILE}") if str(file) in run.failure]
    found = next((file for file in files if file.is_file()), None)
    return (json.loads(found.read_text(encoding="utf-8")), found) if found else None


def gate_part(record: dict[str, Any], path: Path) -> Part:
    """The part of the page.

    Args:
      record: the JSON that the gate wrote.
      path: where it is.
    """
    checks = record["checks"]
    decision = "lets the data pass" if record["accepted"] else "stopped the run before Transform"
    allowed = any(check["verdict"] == "allowed" for check in checks)
    verdict = Verdict.PASSED if record["accepted"] else Verdict.FAILED
    return Part(
        "data-gate",
        "Data gate",
        answer=f"The gate {decision}: {counted(checks)}.",
        text=(f"Drift and volume: {record['baseline']['note']}.",),
        facts=(Fact("Record", str(path)),),
        tables=tuple(checks_tables("gate", "the data gate", "feature", "data", checks)),
        verdict=Verdict.WARNING if record["accepted"] and allowed else verdict,
    )
