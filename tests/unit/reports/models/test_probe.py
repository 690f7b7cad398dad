"""The probe's record on the page: found by the model that was probed, and what failed first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reports.models.probe import probe_part, read_record
from reports.models.section import models_section
from reports.reading.run_data import Artifact, Node, NodeState, Run
from reports.reading.trained_models import trained_models
from reports.verdict import Verdict

PASSED = {
    "name": "catalogue",
    "feature": "similar_movies",
    "measure": "movies missing",
    "value": 0.0,
    "threshold": 0.0,
    "bound": "at most",
    "verdict": "passed",
    "where": "lists of two movies",
    "detail": "of 1,682",
}
FAILED = {**PASSED, "feature": "recommend", "value": 841.0, "verdict": "failed"}


def record(*checks: dict[str, Any]) -> dict[str, Any]:
    return {"blessed": all(check["verdict"] == "passed" for check in checks), "checks": list(checks)}


def probed_run(folder: Path, *checks: dict[str, Any]) -> Run:
    """A run of one model that was probed, whose other artifacts are gone."""
    (folder / "model" / "Format-Serving").mkdir(parents=True)
    (folder / "blessing").mkdir()
    (folder / "blessing" / "model_probe.json").write_text(json.dumps(record(*checks)))
    model = Artifact(1, "Model", str(folder / "model"))
    blessing = Artifact(2, "InfraBlessing", str(folder / "blessing"))
    nodes = (
        Node("RetrievalTrainer", NodeState.DONE, outputs={"model": (model,)}),
        Node(
            "RetrievalProbe",
            NodeState.DONE,
            inputs={"model": (model,)},
            outputs={"infra_blessing": (blessing,)},
        ),
    )
    return Run("r", "movielens", folder, nodes, "ml-tiny", synthetic=False)


def test_what_failed_comes_first_with_metric_and_threshold() -> None:
    part = probe_part("retrieval", record(PASSED, FAILED), Path("blessing"))
    assert part.verdict is Verdict.FAILED
    assert part.answer == "The probe refused the model, so nothing was pushed: 1 failed, 1 passed."
    missed, passed = part.tables
    assert [row[:2] for row in missed.rows] == [("recommend", Verdict.FAILED)]
    assert missed.rows[0][4:6] == (841.0, "at most 0")
    assert [row[:2] for row in passed.rows] == [("similar_movies", Verdict.PASSED)]
    assert passed.folded


def test_the_record_of_the_probe_that_read_the_model(tmp_path: Path) -> None:
    [model] = trained_models(probed_run(tmp_path, PASSED))
    assert model.blessing is not None
    found = read_record(model.blessing)
    assert found["blessed"] is True
    assert probe_part(model.name, found, model.blessing).verdict is Verdict.PASSED


def test_a_refusal_makes_the_models_fail(tmp_path: Path) -> None:
    section = models_section(probed_run(tmp_path, PASSED, FAILED))
    assert section.verdict is Verdict.FAILED
    assert [part.id for part in section.parts][:2] == ["retrieval-metrics", "retrieval-probe"]
    assert section.metrics["retrieval"]["probe"]["blessed"] is False
