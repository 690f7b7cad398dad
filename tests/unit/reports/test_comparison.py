"""Two runs side by side: what differs is shown, what is alike is not."""

import json
from pathlib import Path

import pytest

from reports.comparison import write_comparison
from reports.reading.run_data import Artifact, Node, NodeState, Run
from tests.unit.reports.data.test_section import curated, statistics


def run(output: Path, name: str, seconds: float, genders: list[str], config: dict[str, object]) -> Run:
    """A run with one node of work, and statistics and schema of its ratings."""
    folders = {kind: output / name / kind for kind in ("statistics", "schema")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    (folders["schema"] / "schema.pbtxt").write_text(str(curated()))
    (folders["statistics"] / "Split-train").mkdir()
    proto = statistics(user_gender=genders)
    (folders["statistics"] / "Split-train" / "FeatureStats.pb").write_bytes(proto.SerializeToString())
    nodes = tuple(
        Node(node_id, NodeState.DONE, seconds, outputs={kind: (Artifact(0, "T", str(folders[kind])),)})
        for node_id, kind in (("RatingsStatistics", "statistics"), ("RatingsSchema", "schema"))
    )
    return Run(name, "movielens", output, nodes, "ml-tiny", synthetic=False, config=config)


@pytest.fixture
def compared(tmp_path: Path) -> tuple[str, dict[str, object]]:
    left = run(tmp_path, "left", 4.0, ["Male"] * 3 + ["Female"], {"seed": 1, "data": {"split": "random"}})
    right = run(tmp_path, "right", 5.0, ["Male"] + ["Female"] * 3, {"seed": 2, "data": {"split": "random"}})
    report = write_comparison(left, right, tmp_path / "page")
    return report.html.read_text(), json.loads(report.json.read_text())


def test_settings_that_differ(compared: tuple[str, dict[str, object]]) -> None:
    html, _ = compared

    assert "One setting differs." in html
    assert '<th scope="row" data-sort="seed">seed</th>' in html
    assert "data.split" not in html


def test_metrics_that_differ(compared: tuple[str, dict[str, object]]) -> None:
    html, _ = compared

    row = html[html.index("nodes / RatingsStatistics / seconds") :]
    cells = [cell.partition("<")[0] for cell in row.partition("</tr>")[0].split('class="number">')[1:]]
    assert cells == ["4", "5", "+1", "+25.0%"]


def test_distance_of_the_data(compared: tuple[str, dict[str, object]]) -> None:
    html, _ = compared

    assert "1 of 1 distances with a threshold are above it: ratings.user_gender" in html
    assert "0.5000" in html


def test_json_holds_both(compared: tuple[str, dict[str, object]]) -> None:
    _, metrics = compared

    assert {side: metrics[side]["run"]["id"] for side in ("left", "right")} == {  # type: ignore[index]
        "left": "left",
        "right": "right",
    }
