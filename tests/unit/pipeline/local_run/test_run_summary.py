"""The account at the end of a run, and the lines when models did not reach serving."""

import json
from pathlib import Path

import pytest

from contracts import artifacts
from pipeline.local_run.node_metrics import node_summary
from pipeline.local_run.node_run import NodeRun, OutputArtifact
from pipeline.local_run.run_summary import problems, summary_lines


def _pusher(node_id: str, **properties: str | int) -> NodeRun:
    return NodeRun(node_id, False, 0.1, [OutputArtifact("pushed_ranking", "PushedModel", "/p", properties)])


def test_pushed_models_and_reports_are_shown_by_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    served = tmp_path / "runs" / "serving" / "ranking" / "17"
    served.mkdir(parents=True)
    statistics = OutputArtifact("statistics", "ExampleStatistics", str(tmp_path / "runs" / "statistics"), {})
    nodes = [
        NodeRun("RatingsStatistics", True, 0.1, [statistics]),
        _pusher("RankingPusher", pushed=1, pushed_destination=str(served), pushed_version="17"),
    ]
    pages = {"report of this run": tmp_path / "runs" / "report.html", "index of the runs": None}
    log = Path("/elsewhere/run.log")
    lines = summary_lines(nodes, "eval split, temporal, ml-100k", pages, log, tmp_path / "runs")
    assert lines[:-3] == [
        "Reports",
        "  report of this run: runs/report.html",
        "  statistics, RatingsStatistics: runs/statistics",
        "Log",
        "  /elsewhere/run.log",
        "Verdict",
        "  passed: every gate let the run through, version 17 is pushed",
        "Pushed models",
        "  runs/serving/ranking/17",
        "Next",
    ]
    assert [line.split(" -m ")[1] for line in lines[-3:]] == [
        "reports open --output runs",
        "serving serve --models runs/serving",
        "pipeline versions --output runs",
    ]
    assert problems(nodes) == []


def test_metrics_of_the_list_that_users_get_come_first() -> None:
    nodes = [
        NodeRun(name, False, 0.1, [OutputArtifact("evaluation", "ModelEvaluation", "/e", {"summary": text})])
        for name, text in (("RetrievalEvaluator", "recall .2"), ("RecommenderEvaluator", "recall .3"))
    ]
    lines = summary_lines(nodes, "eval split", {}, Path("log"), Path("runs"))
    place = lines.index("Metrics (eval split)")
    shown = [line.split(":")[0] for line in lines[place + 1 : place + 3]]
    assert shown == ["  RecommenderEvaluator", "  RetrievalEvaluator"]


def test_a_pushed_model_that_is_not_served_any_more_is_marked(tmp_path: Path) -> None:
    for version in ("17", "18"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "saved_model.pb").touch()
    nodes = [_pusher("P", pushed=1, pushed_destination=str(tmp_path / "17"), pushed_version="17")]
    assert f"  {tmp_path}/17 (version 18 is served; see python -m pipeline versions)" in summary_lines(
        nodes, "", {}, Path("log"), Path("runs")
    )
    assert problems(nodes) == []


def test_a_model_that_was_not_blessed_is_a_problem():
    nodes = [_pusher("RankingPusher", pushed=0)]
    assert problems(nodes) == [
        "RankingPusher pushed nothing, because its model was not blessed (see its evaluator)"
    ]
    lines = summary_lines(nodes, "", {}, Path("log"), Path("runs"))
    assert lines[lines.index("Pushed models") + 1] == "  none"
    assert lines[lines.index("Verdict") + 1].startswith("  NOT PUSHED: RankingPusher pushed nothing")
    assert problems([_pusher("RankingPusher", pushed=0, reason="the probe refused its model: slow")]) == [
        "RankingPusher pushed nothing, because the probe refused its model: slow"
    ]


def test_a_push_of_an_earlier_run_that_is_gone_is_a_problem(tmp_path: Path):
    gone = str(tmp_path / "17")
    [problem] = problems([_pusher("P", pushed=1, pushed_destination=gone, pushed_version="17")])
    assert gone in problem
    assert "remove metadata.sqlite" in problem


@pytest.mark.parametrize(
    ("channel", "properties", "metric"),
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
        ("model", {"summary": "text of the component"}, "text of the component"),
        ("pushed_ranking", {"pushed": 1, "pushed_version": "17"}, "pushed version 17"),
        ("pushed_ranking", {"pushed": 0}, "nothing pushed"),
        ("pushed_ranking", {"pushed": 0, "reason": "it is slow"}, "nothing pushed: it is slow"),
        ("transformed_examples", {"rows_read": 5}, ""),
    ],
)
def test_node_summarys(channel: str, properties: dict[str, str | int], metric: str):
    assert node_summary(NodeRun("N", False, 0.1, [OutputArtifact(channel, "T", "/o", properties)])) == metric


def test_node_summary_of_anomalies(tmp_path: Path):
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
        assert node_summary(node) == expected


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ({"kind": "brute_force", "reason": "fewer than 50,000 movies"}, ""),
        (
            {"kind": "partitioned", "reason": "as set", "recall": 0.9712, "depth": 100},
            ", partitions find 97.1% of brute force's first 100",
        ),
        (
            {
                "kind": "brute_force",
                "reason": "the partitions' recall of 0.9 misses",
                "recall": 0.9,
                "depth": 9,
            },
            ", brute force because the partitions' recall of 0.9 misses",
        ),
    ],
)
def test_node_summary_of_a_fit_names_the_index(tmp_path: Path, index: dict[str, object], words: str):
    fit = {"monitor": "val_x", "best": 0.5, "best_epoch": 2, "epochs": {"val_x": [0.4, 0.5, 0.3]}}
    node = NodeRun("T", False, 0.1, [OutputArtifact("model_run", "ModelRun", str(tmp_path), {})])
    (tmp_path / artifacts.FIT_FILE).write_text(json.dumps(fit))
    assert node_summary(node) == "val_x 0.5000, best epoch 2 of 3"
    (tmp_path / artifacts.INDEX_FILE).write_text(json.dumps({"candidates": index}))
    assert node_summary(node) == f"val_x 0.5000, best epoch 2 of 3{words}"
