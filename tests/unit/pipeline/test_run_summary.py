"""The account at the end of a run, and what is said when models did not reach serving."""

from pathlib import Path

import pytest

from pipeline.key_figures import key_figure
from pipeline.node_run import NodeRun, OutputArtifact
from pipeline.run_summary import problems, summary_lines


def _pusher(node_id: str, **properties: str | int) -> NodeRun:
    return NodeRun(node_id, False, 0.1, [OutputArtifact("pushed_model", "PushedModel", "/p", properties)])


def test_pushed_models_and_reports_are_shown_by_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    served = tmp_path / "runs" / "serving" / "ranking" / "17"
    served.mkdir(parents=True)
    statistics = OutputArtifact("statistics", "ExampleStatistics", str(tmp_path / "runs" / "statistics"), {})
    nodes = [
        NodeRun("RatingsStatistics", True, 0.1, [statistics]),
        _pusher("RankingPusher", pushed=1, pushed_destination=str(served), pushed_version="17"),
    ]
    lines = summary_lines(nodes, "eval split, temporal, ml-100k", Path("/elsewhere/run.log"))
    assert lines == [
        "Pushed models",
        "  runs/serving/ranking/17",
        "Reports",
        "  statistics, RatingsStatistics: runs/statistics",
        "Log",
        "  /elsewhere/run.log",
    ]
    assert problems(nodes) == []


def test_a_pushed_model_that_is_not_served_any_more_says_so(tmp_path: Path) -> None:
    for version in ("17", "18"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "saved_model.pb").touch()
    nodes = [_pusher("P", pushed=1, pushed_destination=str(tmp_path / "17"), pushed_version="17")]
    assert summary_lines(nodes, "", Path("log"))[:2] == [
        "Pushed models",
        f"  {tmp_path}/17 (version 18 is served; see python -m pipeline versions)",
    ]
    assert problems(nodes) == []


def test_a_model_that_was_not_blessed_is_a_problem():
    nodes = [_pusher("RankingPusher", pushed=0)]
    assert problems(nodes) == [
        "RankingPusher pushed nothing, because its model was not blessed (see its evaluator)"
    ]
    assert summary_lines(nodes, "", Path("log"))[:2] == ["Pushed models", "  none"]


def test_a_push_of_an_earlier_run_that_is_gone_is_a_problem(tmp_path: Path):
    gone = str(tmp_path / "17")
    [problem] = problems([_pusher("P", pushed=1, pushed_destination=gone, pushed_version="17")])
    assert gone in problem
    assert "remove metadata.sqlite" in problem


@pytest.mark.parametrize(
    ("channel", "properties", "figure"),
    [
        (
            "examples",
            {
                "rows_read": 100000,
                "rows_rejected": 0,
                "users": 943,
                "examples_train": 99057,
                "examples_eval": 943,
            },
            "100,000 rows in, 943 users, 99,057 train, 943 eval",
        ),
        (
            "examples",
            {"rows_read": 1682, "rows_rejected": 2, "movies": 1680},
            "1,682 rows in, 2 rejected, 1,680 movies",
        ),
        ("model", {"figure": "said by the component"}, "said by the component"),
        ("pushed_model", {"pushed": 1, "pushed_version": "17"}, "pushed version 17"),
        ("pushed_model", {"pushed": 0}, "nothing pushed"),
        ("transformed_examples", {"rows_read": 5}, ""),
    ],
)
def test_key_figures(channel: str, properties: dict[str, str | int], figure: str):
    assert key_figure(NodeRun("N", False, 0.1, [OutputArtifact(channel, "T", "/o", properties)])) == figure


def test_key_figure_of_anomalies(tmp_path: Path):
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    node = NodeRun("V", False, 0.1, [OutputArtifact("anomalies", "ExampleAnomalies", str(tmp_path), {})])
    for split, found in (("train", []), ("eval", ["user_gender", "movie_genres"])):
        anomalies = anomalies_pb2.Anomalies()
        for feature in found:
            anomalies.anomaly_info[feature].description = "unexpected value"
        folder = tmp_path / f"Split-{split}"
        folder.mkdir()
        (folder / "SchemaDiff.pb").write_bytes(anomalies.SerializeToString())
        expected = "anomalies: movie_genres, user_gender" if found else "no anomalies"
        assert key_figure(node) == expected
