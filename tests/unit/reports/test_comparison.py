"""Two runs side by side: what is better, what differs, and how far the data is apart."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.artifacts import DATA_GATE_FILE, DISTRIBUTIONS_FILE
from distances.measure import Values, to_json
from reports.comparison import change_of, write_comparison
from reports.reading.run_data import Artifact, Node, NodeState, Run
from reports.section import Estimate
from reports.verdict import RunChange
from tests.unit.reports.data.test_gate import PASSED, record
from tests.unit.reports.data.test_section import curated


def run_with_statistics(output: Path, name: str, genders: list[str], config: dict[str, object]) -> Run:
    """A run whose gate let through ratings of users of these genders, with the curated schema."""
    folders = {"gate_result": output / name / "gate_result", "schema": output / name / "schema"}
    for folder in folders.values():
        folder.mkdir(parents=True)
    (folders["schema"] / "schema.pbtxt").write_text(str(curated()))
    (folders["gate_result"] / DATA_GATE_FILE).write_text(json.dumps(record(PASSED)))
    counts = {gender: 1_000 * genders.count(gender) for gender in genders}
    values = {"train": {"user_gender": Values(sum(counts.values()), counts)}}
    (folders["gate_result"] / DISTRIBUTIONS_FILE).write_text(to_json(values))
    nodes = tuple(
        Node(
            node_id,
            NodeState.DONE,
            float(len(name)),
            outputs={kind: (Artifact(0, "T", str(folders[kind])),)},
        )
        for node_id, kind in (("DataGate", "gate_result"), ("RatingsSchema", "schema"))
    )
    return Run(name, "movielens", output, nodes, "ml-tiny", synthetic=False, config=config)


@pytest.fixture
def compared(tmp_path: Path) -> tuple[str, dict[str, Any]]:
    left = run_with_statistics(
        tmp_path, "left", ["Male"] * 3 + ["Female"], {"seed": 1, "data": {"split": "random"}}
    )
    right = run_with_statistics(
        tmp_path, "right", ["Male"] + ["Female"] * 3, {"seed": 2, "data": {"split": "random"}}
    )
    report = write_comparison(left, right, tmp_path / "page")
    return report.html.read_text(), json.loads(report.json.read_text())


def test_settings_that_differ(compared: tuple[str, dict[str, Any]]) -> None:
    html, _ = compared

    assert "One setting differs." in html
    assert 'data-sort="seed">seed</th>' in html
    assert "data.split" not in html


def test_numbers_that_differ(compared: tuple[str, dict[str, Any]]) -> None:
    html, _ = compared

    row = html[html.index("nodes / DataGate / seconds") :]
    cells = [cell.partition("<")[0] for cell in row.partition("</tr>")[0].split('class="number">')[1:]]
    assert cells == ["4", "5", "+1", "+25.0%"]


def test_distance_of_the_data_is_that_of_the_gate(compared: tuple[str, dict[str, Any]]) -> None:
    html, _ = compared

    assert "1 of 1 distances with a threshold are above it: ratings.user_gender" in html
    assert "0.5000" in html


def test_a_run_without_counts_of_values_is_named(tmp_path: Path) -> None:
    left, right = (run_with_statistics(tmp_path, name, ["Male"], {}) for name in ("left", "right"))
    (tmp_path / "left" / "gate_result" / DISTRIBUTIONS_FILE).unlink()

    html = write_comparison(left, right, tmp_path / "page").html.read_text()

    assert "Nothing was compared." in html
    assert "The data gate of run left has left no counts of values" in html


def test_json_holds_both(compared: tuple[str, dict[str, Any]]) -> None:
    _, values = compared

    assert {side: values[side]["run"]["id"] for side in ("left", "right")} == {
        "left": "left",
        "right": "right",
    }


@pytest.mark.parametrize(
    ("name", "left", "right", "change"),
    [
        # Half-widths of .03 and .04 make one of .05 for the difference.
        ("recall@10", (0.20, 0.03), (0.251, 0.04), RunChange.BETTER),
        ("recall@10", (0.20, 0.03), (0.249, 0.04), RunChange.WITHIN),
        ("recall@10", (0.20, 0.03), (0.149, 0.04), RunChange.WORSE),
        ("rmse", (1.00, 0.03), (0.90, 0.04), RunChange.BETTER),
        ("disliked_hits@10", (0.10, 0.01), (0.20, 0.01), RunChange.WORSE),
        ("log_popularity@10", (5.0, 0.01), (6.0, 0.01), RunChange.UNJUDGED),
    ],
)
def test_better_and_worse_are_beyond_the_interval(
    name: str, left: tuple[float, float], right: tuple[float, float], change: RunChange
) -> None:
    before, after = (Estimate(value, value - half, value + half) for value, half in (left, right))

    assert change_of(name, before, after) is change


def test_without_an_interval_nothing_is_judged() -> None:
    assert change_of("recall@10", Estimate(0.1), Estimate(0.9, 0.8, 1.0)) is RunChange.UNJUDGED
