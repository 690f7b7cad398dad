"""The report that a run writes: the metrics of the console, and what the models have learned."""

import math
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.pipeline_run import MODELS, PipelineRun

pytestmark = pytest.mark.slow


@pytest.fixture
def models(sample_run: PipelineRun) -> Mapping[str, Any]:
    found: Mapping[str, Any] = sample_run.report["sections"]["models"]["metrics"]
    assert set(found) == {*MODELS, "recommender"}
    return found


def test_the_console_shows_its_path_and_verdict(sample_run: PipelineRun) -> None:
    assert f"  report of this run: {sample_run.output / 'report' / 'index.html'}\n" in sample_run.out
    assert f"  index of the runs: {sample_run.output / 'reports' / 'index.html'}\n" in sample_run.out
    assert sample_run.summaries["ReportGen"] == (
        "Overview: passed, Run: passed, Data validation: passed, Models: passed"
    )
    assert list(sample_run.report["sections"]) == ["overview", "run", "data", "eda", "models", "card"]
    assert sample_run.report["run"]["synthetic"] is True


def test_the_list_that_users_get_comes_first(sample_run: PipelineRun, models: Mapping[str, Any]) -> None:
    lists = sample_run.report["sections"]["overview"]["metrics"]["lists"]
    assert list(lists) == ["final list", "order of retrieval", "order by predicted rating", "popularity"]
    for name, model in (("final list", "recommender"), ("order of retrieval", "retrieval")):
        measured = models[model]["evaluation"]["metrics"]["recall@10"]["value"]
        assert lists[name]["recall@10"] == pytest.approx(measured, abs=1e-6)


def test_it_holds_the_settings_and_every_node_of_the_run(sample_run: PipelineRun) -> None:
    run = sample_run.report["sections"]["run"]["metrics"]
    assert run["config"]["data"]["split"] == "random"
    assert run["config"]["ranking"]["epochs"] == 4
    states = {node: found["state"] for node, found in run["nodes"].items()}
    assert states == {node: "done" for node in sample_run.states if node != "ReportGen"}


def test_metrics_are_those_of_the_console(sample_run: PipelineRun, models: Mapping[str, Any]) -> None:
    for name, metric, reference in (("ranking", "rmse", "biases"), ("retrieval", "recall@10", "popularity")):
        shown = re.search(
            rf"{metric} ([\d.]+) \({reference} ([\d.]+)\)",
            sample_run.summaries[f"{name.capitalize()}Evaluator"],
        )
        assert shown is not None
        evaluation = models[name]["evaluation"]
        found = [evaluation[side][metric]["value"] for side in ("metrics", "reference")]
        assert found == pytest.approx([float(value) for value in shown.groups()], abs=5e-4)
        assert evaluation["metrics"][metric]["lower"] < found[0] < evaluation["metrics"][metric]["upper"]
        assert models[name]["pushed"] == sample_run.model(name).name


def test_longer_lists_find_more(models: Mapping[str, Any]) -> None:
    metrics = models["retrieval"]["evaluation"]["metrics"]
    recalls = [metrics[f"recall@{k}"]["value"] for k in (10, 20, 50, 100)]
    assert recalls == sorted(recalls)
    assert recalls[0] < recalls[-1]


def test_predictions_come_from_the_model_itself(models: Mapping[str, Any]) -> None:
    ranking = models["ranking"]
    calibration = ranking["calibration"]
    assert calibration["rows"] == ranking["evaluation"]["ratings"]
    assert calibration["predicted"] == sorted(calibration["predicted"])
    # The more the model promises, the more is given: the rank correlation of ten bins.
    actual = calibration["actual"]
    inversions = sum(later < earlier for n, earlier in enumerate(actual) for later in actual[n + 1 :])
    assert inversions < len(actual)
    assert 0 < calibration["error"] < 0.4


def test_what_is_recommended_spreads_wider_than_popularity(models: Mapping[str, Any]) -> None:
    lists = models["retrieval"]["lists"]
    assert (
        lists["retrieval"]["lists"]
        == lists["popularity"]["lists"]
        == models["retrieval"]["evaluation"]["users"]
    )
    assert lists["retrieval"]["coverage"] > lists["popularity"]["coverage"]
    assert lists["popularity"]["gini"] > lists["retrieval"]["gini"] > 0
    assert lists["popularity"]["mean_ratings"] > lists["what_users_rated"]["mean_ratings"]


def test_every_pair_of_crossed_features_has_a_weight(models: Mapping[str, Any]) -> None:
    pairs = models["ranking"]["cross_weights"]["strongest_pairs"]
    assert len(pairs) == 15
    assert all(math.isfinite(norm) and norm > 0 for norm in pairs.values())


def test_the_page_holds_every_part_and_the_banner_of_made_up_data(sample_run: PipelineRun) -> None:
    for chart in (
        *("ranking-reliability", "ranking-by-stars", "ranking-cross-1", "ranking-curve-rmse"),
        *("retrieval-recall-at-k", "retrieval-ndcg-at-k", "retrieval-movie-map", "retrieval-head-share"),
        *("retrieval-slices-user-gender", "ranking-slices-user-gender"),
    ):
        assert f'id="{chart}"' in sample_run.page
    assert sample_run.page.count('id="recommender-user-') >= 8
    assert "a synthetic sample that this project makes up" in sample_run.page
    assert "GroupLens" not in sample_run.page
    assert len(sample_run.page) < 5_000_000
