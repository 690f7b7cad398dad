"""The Evaluator's results on ratings with known answers."""

from math import inf, nan, sqrt
from pathlib import Path

import pytest

from pipeline.config import EvaluationConfig
from pipeline.evaluation.eval_config import ranking_eval_config, summarize
from reports.reading.evaluation_results import (
    read_metrics,
)
from tests.unit.pipeline.evaluation.evaluated_worlds import (
    LOW_THRESHOLDS,
    OFF,
    RATING_ROWS,
    predicted,
    values,
)
from tests.unit.pipeline.tiny_evaluator import ByUser, Evaluated, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ranking(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    model = ByUser("user_rating", predicted(OFF), predicted(dict.fromkeys(OFF, 0.6)))
    return run(tmp_path_factory.mktemp("ranking"), RATING_ROWS, model, ranking_eval_config(LOW_THRESHOLDS))


def test_rating_errors(ranking: Evaluated) -> None:
    overall = read_metrics(ranking.uri).overall
    assert values(overall.model) == pytest.approx(
        {
            "rmse": sqrt(sum(error**2 for error in OFF.values()) / 20),
            "mae": sum(abs(error) for error in OFF.values()) / 20,
        },
        rel=1e-6,
    )
    assert values(overall.reference) == pytest.approx({"rmse": 0.6, "mae": 0.6}, rel=1e-6)
    assert (overall.user_count, overall.example_count) == (20, 100)
    assert ranking.blessed


def test_interval_resamples_users_and_not_their_ratings(ranking: Evaluated) -> None:
    measure = read_metrics(ranking.uri).overall.model["mae"]
    mean = sum(map(abs, OFF.values())) / 20
    standard_error = sqrt(sum((abs(error) - mean) ** 2 for error in OFF.values()) / 20) / sqrt(20)
    # A hundred independent rows would make it narrower by sqrt(5).
    assert measure.upper - measure.value == pytest.approx(1.97 * standard_error, rel=0.15)
    assert measure.value - measure.lower == pytest.approx(1.97 * standard_error, rel=0.15)


def test_users_with_more_ratings_weigh_more(tmp_path: Path) -> None:
    rows = [
        {"user_id": "1", "movie_id": "a", "user_rating": 4.0},
        {"user_id": "1", "movie_id": "b", "user_rating": 2.0},
        {"user_id": "2", "movie_id": "a", "user_rating": 3.0},
    ]
    config = EvaluationConfig(max_rmse=1, max_mae=0.8)
    model = ByUser("user_rating", {"1": 3.5, "2": 3.5}, {"1": 3.0, "2": 3.0})
    evaluated = run(tmp_path, rows, model, ranking_eval_config(config))
    summary = read_metrics(evaluated.uri)
    assert {name: measure.value for name, measure in summary.overall.model.items()} == {
        "rmse": pytest.approx(sqrt((0.25 + 2.25 + 0.25) / 3)),
        "mae": pytest.approx(2.5 / 3),
    }
    assert not evaluated.blessed
    assert sorted(summary.reasons) == [
        "mae 0.8333 misses the threshold of at most 0.8",
        "rmse does not beat its reference: the difference is +0.1409",
    ]
    assert summarize(summary).startswith(
        "rmse .957 (biases .816), mae .833 (biases .667), 3 eval ratings; not"
    )


@pytest.mark.parametrize("broken", [nan, inf])
def test_a_model_without_a_number_is_not_blessed(tmp_path: Path, broken: float) -> None:
    predictions = predicted(OFF) | {"7": broken}
    model = ByUser("user_rating", predictions, predicted(dict.fromkeys(OFF, 2.0)))
    evaluated = run(tmp_path, RATING_ROWS, model, ranking_eval_config(LOW_THRESHOLDS))
    assert not evaluated.blessed
    assert any(reason.startswith("rmse") for reason in read_metrics(evaluated.uri).reasons)


def test_an_equal_model_is_blessed_where_the_reference_is_no_threshold(tmp_path: Path) -> None:
    config = LOW_THRESHOLDS.model_copy(update={"beat_reference": False})
    model = ByUser("user_rating", predicted(OFF), predicted(OFF))
    evaluated = run(tmp_path, RATING_ROWS, model, ranking_eval_config(config))
    assert evaluated.blessed
    assert read_metrics(evaluated.uri).overall.over_reference["rmse"].value == 0
