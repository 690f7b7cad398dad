"""What the data gate decided: every check with its figure and its bar."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from components.data_gate.settings import RECORD_FILE
from reports.run_data import NodeState, Run
from reports.section import Column, Fact, Part, Table
from reports.verdict import Verdict

_NODE: Final = "DataGate"
_CHANNEL: Final = "gate_result"
# A check's word for how it came out, and the page's, what stopped the run first.
_VERDICTS: Final = {
    "failed": Verdict.FAILED,
    "allowed": Verdict.WARNING,
    "passed": Verdict.PASSED,
    "not compared": Verdict.NO_BAR,
}


def read_record(run: Run) -> tuple[dict[str, Any], Path] | None:
    """The gate's record and where it is, None if it has not judged the data.

    A gate that refuses leaves no artifact, but its record beside the place of the artifact.
    """
    artifact = run.artifact(_NODE, _CHANNEL)
    if artifact is not None:
        files = [artifact.folder / RECORD_FILE]
    else:
        node = run.node(_NODE)
        if node is None or node.state is not NodeState.FAILED:
            return None
        folder = run.output / "artifacts" / _NODE / _CHANNEL
        # Of several refusals, the one that the failure names.
        files = [file for file in folder.glob(f"*.{RECORD_FILE}") if str(file) in run.failure]
    found = next((file for file in files if file.is_file()), None)
    return (json.loads(found.read_text(encoding="utf-8")), found) if found else None


def gate_part(record: dict[str, Any], path: Path) -> Part:
    """The part of the page.

    Args:
      record: the JSON that the gate wrote.
      path: where it is.
    """
    order = list(_VERDICTS)
    checks = sorted(record["checks"], key=lambda check: order.index(check["verdict"]))
    counts = Counter(check["verdict"] for check in checks)
    counted = ", ".join(f"{counts[verdict]} {verdict}" for verdict in order if counts[verdict])
    decision = "lets the data pass" if record["accepted"] else "stopped the run before Transform"
    verdict = Verdict.PASSED if record["accepted"] else Verdict.FAILED
    return Part(
        "data-gate",
        "Data gate",
        answer=f"The gate {decision}: {counted}.",
        text=(f"Drift and volume: {record['baseline']['note']}.",),
        facts=(Fact("Record", str(path)),),
        tables=(
            Table(
                "gate",
                "Every check of the data gate, what failed first.",
                (
                    Column("feature"),
                    Column("verdict"),
                    Column("check"),
                    Column("measure"),
                    Column("figure", ".4g"),
                    Column("bound"),
                    Column("bar", ".4g"),
                    Column("data"),
                    Column("in detail"),
                ),
                tuple(
                    (
                        check["feature"],
                        _VERDICTS[check["verdict"]],
                        check["name"],
                        check["measure"],
                        check["figure"],
                        check["bound"] if check["bar"] is not None else None,
                        check["bar"],
                        check["where"],
                        check["detail"],
                    )
                    for check in checks
                ),
                filterable=True,
            ),
        ),
        verdict=Verdict.WARNING if record["accepted"] and counts["allowed"] else verdict,
    )
