"""From nothing to two pushed models: what a newcomer sees, and what the second run does."""

import json
import re
from pathlib import Path

import pytest

from tests.pipeline_run import MODELS, SMALL_SAMPLE, PipelineRun, pushed_versions, run_pipeline

pytestmark = pytest.mark.slow

NODES = {
    *("RatingsGen", "RatingsStatistics", "RatingsSchemaGen", "RatingsSchema", "RatingsValidator"),
    *("MoviesGen", "MoviesStatistics", "MoviesSchemaGen", "MoviesSchema", "MoviesValidator"),
    *("DataGate", "Transform"),
    *("RetrievalTrainer", "RetrievalServedModel", "RetrievalEvaluator", "RetrievalProbe"),
    *("RankingTrainer", "RankingServedModel", "RankingEvaluator", "RankingProbe"),
    "RecommenderComposer",
    *("RecommenderServedModel", "RecommenderEvaluator", "RecommenderProbe"),
    "Pusher",
    "ReportGen",
}


def test_every_node_runs_and_is_on_the_console(sample_run: PipelineRun) -> None:
    assert sample_run.states == dict.fromkeys(sample_run.states, "done")
    assert set(sample_run.states) == NODES


def test_all_ratings_and_movies_go_in(sample_run: PipelineRun) -> None:
    [sample] = sample_run.output.glob("sample-*")
    ratings, movies = ((sample / name).read_bytes().count(b"\n") for name in ("u.data", "u.item"))
    assert ratings == 10_000
    assert sample_run.summaries["RatingsGen"].startswith("10,000 rows in, ")
    assert sample_run.summaries["MoviesGen"] == f"{movies} rows in, {movies} movies"
    split = re.search(r"([\d,]+) train, ([\d,]+) eval", sample_run.summaries["RatingsGen"])
    assert split is not None
    train, held_out = (int(count.replace(",", "")) for count in split.groups())
    assert train + held_out == ratings
    assert 0.18 * ratings < held_out < 0.22 * ratings


def test_data_fits_the_curated_schemas(sample_run: PipelineRun) -> None:
    for node in ("RatingsValidator", "MoviesValidator"):
        assert sample_run.summaries[node] == "no anomalies"


def test_both_models_beat_their_references_on_a_named_split(sample_run: PipelineRun) -> None:
    ranking, retrieval = (sample_run.summaries[f"{name}Evaluator"] for name in ("Ranking", "Retrieval"))
    rmse, biases = _pair(r"rmse ([\d.]+) \(biases ([\d.]+)\)", ranking)
    assert 0.5 < rmse < biases
    recall, popularity = _pair(r"recall@10 ([\d.]+) \(popularity ([\d.]+)\)", retrieval)
    assert popularity < recall < 0.6
    assert "Metrics (eval split, random, synthetic sample)\n" in sample_run.out
    for metric in (ranking, retrieval):
        assert f"Evaluator: {metric}\n" in sample_run.out
    # The data is named where the account begins and where the metrics are, and not on every line.
    assert 2 <= sample_run.out.count("synthetic sample") <= 4


def test_both_models_are_pushed_and_the_end_lists_the_paths(sample_run: PipelineRun) -> None:
    end = sample_run.out.split("\nMetrics (")[1]
    for name in MODELS:
        [version] = sample_run.pushed[name]
        assert version.name.isdigit()
        assert (version / "saved_model.pb").is_file()
        assert f"  {version}\n" in end
    reports = r"^  (?:evaluation|TensorBoard|statistics|anomalies), \w+: (.+)$"
    folders = re.findall(reports, sample_run.out, re.MULTILINE)
    assert len(folders) == 9
    for folder in folders:
        assert any((sample_run.output / folder).iterdir())


def test_manifests_hold_origin_and_metrics(sample_run: PipelineRun) -> None:
    metrics = {
        "ranking": (
            "rmse",
            *_pair(r"rmse ([\d.]+) \(biases ([\d.]+)\)", sample_run.summaries["RankingEvaluator"]),
        ),
        "retrieval": (
            "recall@10",
            *_pair(r"recall@10 ([\d.]+) \(popularity ([\d.]+)\)", sample_run.summaries["RetrievalEvaluator"]),
        ),
    }
    fingerprints = set()
    for name in MODELS:
        manifest = json.loads((sample_run.model(name) / "assets.extra" / "manifest.json").read_text())
        metric, model, reference = metrics[name]
        assert manifest["metrics"]["candidate"][metric] == pytest.approx(model, abs=6e-4)
        assert manifest["metrics"]["reference"][metric] == pytest.approx(reference, abs=6e-4)
        # Nothing was served before, so there is nothing that it was compared with.
        assert set(manifest["metrics"]) == {"candidate", "reference"}
        assert manifest["baseline"] == ""
        assert sample_run.summaries[f"{name.capitalize()}ServedModel"].startswith("nothing was served yet")
        assert manifest["measured_on"].startswith("eval split, random, sample-10000")
        assert manifest["run_id"]
        assert set(manifest["code"]) == {"preprocessing", "training", "pushing"}
        fingerprints.add((manifest["data"]["ratings"], manifest["data"]["movies"], manifest["schema"]))
    # One data set, one schema.
    assert len(fingerprints) == 1


def test_console_is_ours_alone_and_the_libraries_lines_are_in_the_log(sample_run: PipelineRun) -> None:
    assert sample_run.err == ""
    lines = sample_run.out.splitlines()
    assert len(lines) < 100
    noise = re.compile(r"\b(INFO|WARNING|Warning|tensorflow/|I0000|absl|Traceback)\b")
    assert [line for line in lines if noise.search(line)] == []
    log = Path(lines[lines.index("Log") + 1].strip())
    assert log.parent == sample_run.output / "logs"
    assert log.read_text().count("\n") > 500


def test_the_end_has_the_verdict_and_three_next_commands(sample_run: PipelineRun) -> None:
    lines = sample_run.out.splitlines()
    version = sample_run.model("ranking").name
    verdict = lines[lines.index("Verdict") + 1]
    assert verdict.strip().startswith("passed")
    assert version in verdict
    commands = [line.strip() for line in lines[lines.index("Next") + 1 :]]
    assert len(commands) == 3
    assert all(" -m " in command for command in commands)


def test_checkpoints_and_board_lie_with_the_run_of_the_fit(sample_run: PipelineRun) -> None:
    shown = re.findall(r"^  TensorBoard, (\w+): (.+)$", sample_run.out, re.MULTILINE)
    assert [name for name, _ in shown] == ["RankingTrainer", "RetrievalTrainer"]
    for model_run in (Path(folder) for _, folder in shown):
        assert list((model_run / "checkpoints").glob("best*"))
        assert list((model_run / "tensorboard").rglob("events.out.tfevents.*"))
        fit = json.loads((model_run / "fit.json").read_text())
        assert len(fit["epochs"]["loss"]) >= fit["best_epoch"]


def test_second_run_reuses_everything_and_pushes_nothing_anew(project: Path, sample_run: PipelineRun) -> None:
    before = pushed_versions(sample_run.output)
    second = run_pipeline(project, sample_run.output, *SMALL_SAMPLE)
    assert second.status == 0
    assert second.err == ""
    assert second.states == dict.fromkeys(NODES, "cached")
    assert second.summaries == sample_run.summaries
    assert second.pushed == before
    for name in MODELS:
        # What a test with other code has pushed meanwhile is named behind it.
        assert f"  {sample_run.model(name)}" in second.out.split("\nPushed models\n")[1]


def _pair(pattern: str, metric: str) -> tuple[float, float]:
    found = re.search(pattern, metric)
    assert found is not None, metric
    return float(found[1]), float(found[2])
