"""The index of the runs: metrics with thresholds and pushes, and drift, over runs that are recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reports.errors import ReportError
from reports.index.page import write_index
from tests.unit.reports.recorded_run import FAILED, RecordedRuns

FIRST, SECOND, THIRD = (f"2026-01-{day}T08:00:00" for day in (29, 30, 31))


def report_of(recall: float, pushed: str, drift: float | None) -> dict[str, Any]:
    """The JSON of a report, as far as the index reads it."""
    measure = {"value": recall, "lower": recall - 0.02, "upper": recall + 0.02}
    evaluation = {"metrics": {"recall@10": measure}, "limits": {"recall@10": 0.15}}
    checks = {}
    if drift is not None:
        checks["drift: train split"] = {"ratings.user_gender": {"value": drift, "threshold": 0.05}}
    sections = {
        "overview": {"verdict": "passed" if pushed else "failed", "metrics": {}},
        "data": {"metrics": {"checks": checks}},
        "models": {"metrics": {"recommender": {"pushed": pushed, "evaluation": evaluation}}},
    }
    return {"version": 1, "sections": sections}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Two runs with reports, and one that failed before it had one."""
    runs = RecordedRuns(tmp_path / "runs")
    for run_id, report in (
        (FIRST, report_of(0.20, "17", None)),
        (SECOND, report_of(0.10, "", 0.08)),
    ):
        artifact = runs.artifact("File", "ReportGen", "report")
        folder = Path(artifact.uri)
        (folder / "index.html").write_text("<!doctype html><title>report</title>")
        (folder / "report.json").write_text(json.dumps(report))
        about = {"config": {"data": {"split": "random"}}, "nodes": ["ReportGen"]}
        runs.node(run_id, "ReportGen", outputs={"report": artifact}, about=json.dumps(about))
    runs.node(THIRD, "RatingsGen", FAILED, error="u.data is <b>bad</b>")
    return runs.output


def test_every_run_is_there_with_what_came_of_it(output: Path) -> None:
    report = write_index(output)

    found = {run["id"]: run for run in json.loads(report.json.read_text())["runs"]}
    assert list(found) == [FIRST, SECOND, THIRD]
    assert [run["verdict"] for run in found.values()] == ["passed", "failed", "failed"]
    assert [run["pushed"] for run in found.values()] == ["17", "", ""]
    assert [run["metrics"] for run in found.values()] == [{"recall@10": 0.2}, {"recall@10": 0.1}, {}]
    assert found[SECOND]["drift"] == {"ratings.user_gender": 0.08}
    assert found[FIRST]["series"] == "unknown data, random"


def test_the_page_links_to_reports_and_draws_thresholds_and_drift(output: Path) -> None:
    report = write_index(output)

    html = report.html.read_text()
    links = [part.partition('"')[0] for part in html.split('<a href="')[1:] if not part.startswith("#")]
    assert len(links) == 2
    assert all((report.html.parent / link).is_file() for link in links)
    assert "<b>bad</b>" not in html
    # Few runs have a chart that a telephone shows whole.
    assert '<figure class="chart" id="over-runs-recall-at-10"' in html
    assert "The threshold is that of the Evaluator." in html
    assert "Above its threshold in some run: ratings.user_gender." in html
    assert "3 runs: 1 pushed a version, 2 failed or missed a threshold." in html


def test_a_folder_without_runs(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no run has written to"):
        write_index(tmp_path)
