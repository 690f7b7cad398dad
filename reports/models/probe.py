"""What the model probe found: every check with its value and its threshold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contracts.artifacts import MODEL_PROBE_FILE
from reports.check_table import checks_tables, counted
from reports.section import Fact, Part
from reports.verdict import Verdict


def read_record(blessing: Path) -> dict[str, Any]:
    """The record in the folder of an InfraBlessing."""
    record: dict[str, Any] = json.loads((blessing / MODEL_PROBE_FILE).read_text(encoding="utf-8"))
    return record


def probe_part(model: str, record: dict[str, Any], blessing: Path) -> Part:
    """The part of the page.

    Args:
      model: its name.
      record: the JSON that the probe wrote.
      blessing: the folder that holds it.
    """
    decision = "lets the model pass" if record["blessed"] else "refused the model, so nothing was pushed"
    return Part(
        f"{model}-probe",
        f"{model.capitalize()}: probe",
        answer=f"The probe {decision}: {counted(record['checks'])}.",
        text=(
            "The model was loaded where none of this code is, and each signature was called with real rows "
            "and odd ones.",
        ),
        facts=(Fact("Record", str(blessing / MODEL_PROBE_FILE)),),
        tables=tuple(
            checks_tables(
                f"{model}-probe-checks", f"the {model} probe", "signature", "called", record["checks"]
            )
        ),
        verdict=Verdict.PASSED if record["blessed"] else Verdict.FAILED,
    )
