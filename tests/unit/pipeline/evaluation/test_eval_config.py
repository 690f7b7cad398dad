"""Results of the stock Evaluator with our configs, metrics and thresholds on models with known answers."""

import re
from collections.abc import Mapping, Sequence
from math import inf, log, log2, nan, sqrt
from pathlib import Path

import pytest
from tfx.utils.proto_utils import proto_to_json

from contracts import metrics
from pipeline.config import EvaluationConfig
from pipeline.evaluation import tfma_metrics
from pipeline.evaluation.eval_config import ranking_eval_config, retrieval_eval_config, summarize
from pipeline.fingerprint import source_fingerprint
from reports.reading.evaluation_results import (
    EvaluationSummary,
    Measure,
    SliceSummary,
    Thresholds,
    read_metrics,
    read_thresholds,
)
from tests.unit.pipeline.tiny_evaluator import ByUser, Evaluated, lists, run

pytestmark = pytest.mark.slow

LOW_THRESHOLDS = EvaluationConfig(
    max_rmse=5,
    max_mae=5,
    min_recall_at_10=0.3,
    min_recall_at_100=0.1,
    min_personalization_at_10=0,
    max_short_lists=1,
)


def rated(user: str, gender: str | None, *movies: str) -> list[dict]:
    """Rows of one user; the data does not have ages, and of some users not the gender."""
    rows = [
        {"user_id": user, "movie_id": movie, "user_rating": 4.0, "history_movie_ids": movies[:number]}
        for number, movie in enumerate(movies)
    ]
    return [row | ({"user_gender": gender} if gender else {}) for row in rows]


ROWS = [
    *rated("1", "Male", "a", "b", "c"),
    *rated("2", "Female", "d"),
    *rated("3", "Female", "e", "f"),
    *rated("4", None, "g"),
]
RANKED = lists({"1": "x a y b", "2": "- - - - - - - - - - - d", "3": "e e - f", "4": "-"})
POPULAR = lists(dict.fromkeys("1234", "d a"))


@pytest.fixture(scope="module")
def retrieval(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    model = ByUser("movie_id", RANKED, POPULAR)
    return run(tmp_path_factory.mktemp("retrieval"), ROWS, model, retrieval_eval_config(LOW_THRESHOLDS))


def measured(measures: Mapping[str, Measure]) -> dict[str, float]:
    """Without what is measured of the lists alone."""
    return {name: value for name, value in values(measures).items() if name not in metrics.LIST_METRICS}


def values(measures: Mapping[str, Measure]) -> dict[str, float]:
    return {name: measure.value for name, measure in measures.items()}


def test_retrieval_metrics_are_means_over_users(retrieval: Evaluated) -> None:
    overall = read_metrics(retrieval.uri).overall
    ndcg_1 = (1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / 2)
    ndcg_3 = (1 + 1 / log2(5)) / (1 + 1 / log2(3))
    assert measured(overall.model) == pytest.approx(
        {
            "recall@10": (2 / 3 + 0 + 1 + 0) / 4,
            **{f"recall@{k}": (2 / 3 + 1 + 1 + 0) / 4 for k in (20, 50, 100)},
            "ndcg@10": (ndcg_1 + 0 + ndcg_3 + 0) / 4,
            **{f"ndcg@{k}": (ndcg_1 + 1 / log2(13) + ndcg_3 + 0) / 4 for k in (20, 50, 100)},
            "mrr": (1 / 2 + 1 / 12 + 1 + 0) / 4,
        }
    )
    reference_ndcg_1 = 1 / log2(3) / (1 + 1 / log2(3) + 1 / 2)
    assert measured(overall.reference) == pytest.approx(
        {
            **{f"recall@{k}": (1 / 3 + 1) / 4 for k in (10, 20, 50, 100)},
            **{f"ndcg@{k}": (reference_ndcg_1 + 1) / 4 for k in (10, 20, 50, 100)},
            "mrr": (1 / 2 + 1) / 4,
        }
    )
    assert overall.over_reference["recall@10"].value == pytest.approx((5 / 3 - 4 / 3) / 4)
    assert (overall.user_count, overall.example_count) == (4, 7)


def test_thresholds_are_those_of_the_settings(retrieval: Evaluated) -> None:
    assert read_thresholds(retrieval.uri) == {
        "recall@10": Thresholds(
            at_least=0.3, beats_reference=True, behind_served=0.02, behind_in_slices=0.02
        ),
        "recall@100": Thresholds(at_least=0.1),
        "coverage@10": Thresholds(at_least=0.01),
        "personalization@10": Thresholds(at_least=0),
        "short_lists@10": Thresholds(at_most=1),
    }


def test_slices_are_those_that_the_data_has(retrieval: Evaluated) -> None:
    slices = {found.name: found for found in read_metrics(retrieval.uri).slices}
    assert set(slices) == {"user_gender=Female", "user_gender=Male"}
    female, male = slices["user_gender=Female"], slices["user_gender=Male"]
    assert (female.user_count, female.example_count) == (2, 3)
    assert (male.user_count, male.example_count) == (1, 3)
    assert female.model["recall@10"].value == pytest.approx((0 + 1) / 2)
    assert male.model["recall@10"].value == pytest.approx(2 / 3)
    assert female.reference["recall@10"].value == pytest.approx((1 + 0) / 2)


def test_slices_of_few_users_decide_nothing(retrieval: Evaluated) -> None:
    # Women get no better lists than the reference's.
    summary = read_metrics(retrieval.uri)
    assert {found.name: found.over_reference["recall@10"].value for found in summary.slices} == pytest.approx(
        {"user_gender=Female": 0, "user_gender=Male": 1 / 3}
    )
    assert retrieval.blessed
    assert (summary.blessed, summary.reasons) == (True, ())


def test_interval_of_a_mean_over_users(retrieval: Evaluated) -> None:
    overall = read_metrics(retrieval.uri).overall
    measure = overall.model["recall@10"]
    recalls = [2 / 3, 0, 1, 0]
    mean = sum(recalls) / 4
    standard_error = sqrt(sum((recall - mean) ** 2 for recall in recalls) / 4) / sqrt(4)
    assert measure.lower == pytest.approx(mean - 1.97 * standard_error, abs=0.15 * 1.97 * standard_error)
    assert measure.upper == pytest.approx(mean + 1.97 * standard_error, abs=0.15 * 1.97 * standard_error)
    # One user alone shows nothing of others.
    male = next(found for found in read_metrics(retrieval.uri).slices if found.name == "user_gender=Male")
    assert male.model["recall@10"] == Measure(pytest.approx(2 / 3))


def test_neither_order_of_rows_nor_a_repeated_one_changes_anything(
    retrieval: Evaluated, tmp_path: Path
) -> None:
    again = run(
        tmp_path,
        [*reversed(ROWS), ROWS[1]],
        ByUser("movie_id", RANKED, POPULAR),
        retrieval_eval_config(LOW_THRESHOLDS),
    )
    first, second = read_metrics(retrieval.uri).overall, read_metrics(again.uri).overall
    assert (first.model, first.reference, first.over_reference) == (
        second.model,
        second.reference,
        second.over_reference,
    )


def test_each_threshold_that_is_missed_is_named(tmp_path: Path) -> None:
    config = LOW_THRESHOLDS.model_copy(update={"min_recall_at_10": 0.5, "min_recall_at_100": 0.9})
    evaluated = run(tmp_path, ROWS, ByUser("movie_id", RANKED, RANKED), retrieval_eval_config(config))
    summary = read_metrics(evaluated.uri)
    assert not evaluated.blessed
    assert not summary.blessed
    assert sorted(summary.reasons) == [
        "recall@10 0.4167 misses the threshold of at least 0.5",
        "recall@10 does not beat its reference: the difference is +0.0000",
        "recall@100 0.6667 misses the threshold of at least 0.9",
    ]
    # Draws are shared by model and reference, so that equals never differ.
    assert summary.overall.over_reference["recall@10"] == Measure(0.0, 0.0, 0.0)


def test_without_a_served_version_the_other_thresholds_hold(tmp_path: Path) -> None:
    model = ByUser("movie_id", RANKED, POPULAR)
    evaluated = run(tmp_path, ROWS, model, retrieval_eval_config(LOW_THRESHOLDS), with_baseline=False)
    overall = read_metrics(evaluated.uri).overall
    assert evaluated.blessed
    assert overall.model["recall@10"].value == pytest.approx(5 / 12)
    assert (overall.served, overall.over_served) == ({}, {})
    assert summarize(read_metrics(evaluated.uri)) == (
        "recall@10 .417 (popularity .333), ndcg@10 .344 (popularity .324), 4 eval users"
    )


def test_a_list_that_depends_on_more_than_the_user_is_an_error(tmp_path: Path) -> None:
    import tensorflow as tf

    class ByMovie(ByUser):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def evaluate(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            spec = {"movie_id": tf.io.FixedLenFeature([], tf.string)}
            own = tf.io.parse_example(examples, spec)["movie_id"][:, tf.newaxis]
            return {**super().evaluate(examples), "movie_id": own}

    with pytest.raises(Exception, match=r"model 'candidate' ranked the movies differently .*user_id '1'"):
        run(tmp_path, ROWS, ByMovie("movie_id", RANKED, POPULAR), retrieval_eval_config(LOW_THRESHOLDS))


# Twenty users with five ratings each, each user's alike: what differs, differs by user.
OFF = {str(user): (user - 9.5) / 10 for user in range(20)}
RATING_ROWS = [
    {"user_id": user, "movie_id": str(movie), "user_rating": 3.0, "user_gender": "Male"}
    for user in OFF
    for movie in range(5)
]


def predicted(errors: Mapping[str, float]) -> dict[str, float]:
    return {user: 3.0 + error for user, error in errors.items()}


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


def test_an_empty_split_blesses_nothing_with_a_reason(tmp_path: Path) -> None:
    evaluated = run(tmp_path, [], ByUser("movie_id", RANKED, POPULAR), retrieval_eval_config(LOW_THRESHOLDS))
    summary = read_metrics(evaluated.uri)
    assert not evaluated.blessed
    assert not summary.blessed
    assert summary.reasons == ("no row was evaluated: the eval split is empty",)
    assert summarize(summary) == "0 eval users; not blessed: no row was evaluated: the eval split is empty"


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not hold results of an Evaluator"):
        read_metrics(str(tmp_path))


def test_one_line_for_the_console() -> None:
    overall = SliceSummary(
        "overall",
        model={"recall@10": Measure(0.2264), "ndcg@10": Measure(1.0), "mrr": Measure(0.5)},
        reference={"recall@10": Measure(0.0861), "ndcg@10": Measure(0.0446)},
        over_reference={},
        served={"recall@10": Measure(0.2101)},
        over_served={},
        user_count=1943,
        example_count=20000,
    )
    assert (
        summarize(EvaluationSummary(overall, (), blessed=True, reasons=()))
        == "recall@10 .226 (popularity .086, served .210), ndcg@10 1.000 (popularity .045), 1,943 eval users"
    )


def test_edited_metrics_are_computed_anew() -> None:
    # TFX's cache key holds the config as text.
    for config in (retrieval_eval_config(LOW_THRESHOLDS), ranking_eval_config(LOW_THRESHOLDS)):
        assert source_fingerprint(tfma_metrics.__name__) in proto_to_json(config)


# Forty users, half of each gender, who each rated the movie that bears their number.
PEOPLE = [str(number) for number in range(40)]
OWN = {user: f"{user} x y" for user in PEOPLE}
NOTHING = dict.fromkeys(PEOPLE, "x y")
PEOPLE_ROWS = [
    {"user_id": user, "movie_id": user, "user_rating": 4.0, "user_gender": "Male" if number % 2 else "Female"}
    for number, user in enumerate(PEOPLE)
]
IN_SLICES = LOW_THRESHOLDS.model_copy(update={"min_slice_users": 20})


def missing(table: Mapping[str, str], users: Sequence[str]) -> dict[str, str]:
    return {**table, **dict.fromkeys(users, "x y")}


def compared(
    folder: Path, model: Mapping[str, str], served: Mapping[str, str], config: EvaluationConfig = IN_SLICES
) -> Evaluated:
    candidate, beside = (ByUser("movie_id", lists(table), lists(NOTHING)) for table in (model, served))
    return run(folder, PEOPLE_ROWS, candidate, retrieval_eval_config(config), served=beside)


def test_the_served_version_is_measured_on_the_same_rows(tmp_path: Path) -> None:
    evaluated = compared(tmp_path, OWN, missing(OWN, PEOPLE[:4]))
    overall = read_metrics(evaluated.uri).overall
    assert evaluated.blessed
    assert overall.model["recall@10"].value == 1
    assert overall.served["recall@10"].value == pytest.approx(0.9)
    assert overall.over_served["recall@10"].value == pytest.approx(0.1)
    assert overall.reference["recall@10"].value == 0
    assert "recall@10 1.000 (popularity .000, served .900)" in summarize(read_metrics(evaluated.uri))


def test_a_model_may_be_no_further_behind_the_served_version_than_the_tolerance(tmp_path: Path) -> None:
    # Two of forty users, one of each gender, lose their movie.
    worse = missing(OWN, PEOPLE[:2])
    refused = compared(tmp_path / "2", worse, OWN)
    assert not refused.blessed
    assert read_metrics(refused.uri).reasons == (
        "recall@10 is 0.0500 behind the served version, more than the 0.02 allowed",
    )
    assert compared(
        tmp_path / "6", worse, OWN, IN_SLICES.model_copy(update={"max_recall_at_10_fall": 0.06})
    ).blessed


def test_a_slice_that_loses_is_refused_although_the_whole_does_not(tmp_path: Path) -> None:
    # Half of the women lose, and men win more.
    women, men = PEOPLE[::2], PEOPLE[1::2]
    evaluated = compared(tmp_path / "wins", missing(OWN, women[:10]), missing(OWN, men[:14]))
    summary = read_metrics(evaluated.uri)
    assert summary.overall.over_served["recall@10"].value == pytest.approx(0.1)
    assert not evaluated.blessed
    [reason] = summary.reasons
    # Half of them, less 1.96 standard errors of sqrt(.5 * .5 / 20).
    found = re.fullmatch(
        r"user_gender=Female: recall@10 is at least (.*) behind the served version with 95 % confidence, "
        r"more than the 0.02 allowed in a slice",
        reason,
    )
    assert found is not None
    assert float(found[1]) == pytest.approx(0.5 - 1.96 * sqrt(0.25 / 20), abs=0.04)
    # With one user less in it than it takes, the same slice blocks nothing.
    small = IN_SLICES.model_copy(update={"min_slice_users": 21})
    assert compared(tmp_path / "small", missing(OWN, women[:10]), missing(OWN, men[:14]), small).blessed


def test_a_slice_that_loses_less_than_chance_would_take_is_let_through(tmp_path: Path) -> None:
    evaluated = compared(tmp_path, missing(OWN, PEOPLE[:1]), missing(OWN, PEOPLE[1:4:2]))
    female = next(found for found in read_metrics(evaluated.uri).slices if found.name.endswith("Female"))
    # More than the 0.02 that is allowed, and one user of twenty.
    assert female.over_served["recall@10"].value == pytest.approx(-0.05)
    assert evaluated.blessed


def test_the_same_list_for_everyone_is_refused_for_that_reason(tmp_path: Path) -> None:
    config = LOW_THRESHOLDS.model_copy(update={"min_personalization_at_10": 0.1, "min_recall_at_10": 0.0})
    everyone = dict.fromkeys(PEOPLE, " ".join(PEOPLE[:10]))
    evaluated = compared(tmp_path, everyone, everyone, config)
    summary = read_metrics(evaluated.uri)
    assert not evaluated.blessed
    assert summary.reasons == (
        "personalization@10 0.0000 misses the threshold of at least 0.1 "
        "(users get much the same list, whoever they are)",
    )
    assert summary.overall.model["coverage@10"].value == 1
    assert summary.overall.model["log_popularity@10"].value == pytest.approx(log(2))
    assert summary.overall.reference["coverage@10"].value == pytest.approx(2 / 10)
    assert (
        summary.overall.model["short_lists@10"].value,
        summary.overall.reference["short_lists@10"].value,
    ) == (
        0,
        1,
    )


def test_cold_users_are_a_slice_of_their_own(tmp_path: Path) -> None:
    model = ByUser("movie_id", lists(missing(OWN, PEOPLE[:3])), lists(NOTHING), cold=PEOPLE[:4])
    evaluated = run(tmp_path, PEOPLE_ROWS, model, retrieval_eval_config(LOW_THRESHOLDS))
    cold = next(found for found in read_metrics(evaluated.uri).slices if found.name.startswith("cold"))
    assert (cold.name, cold.user_count) == ("cold_user=yes", 4)
    assert cold.model["recall@10"].value == pytest.approx(1 / 4)


def test_ratings_that_are_further_off_than_the_served_version_are_refused(tmp_path: Path) -> None:
    model, served = (
        ByUser("user_rating", predicted(dict.fromkeys(OFF, error)), predicted(dict.fromkeys(OFF, 0.9)))
        for error in (0.5, 0.46)
    )
    evaluated = run(tmp_path, RATING_ROWS, model, ranking_eval_config(LOW_THRESHOLDS), served=served)
    assert not evaluated.blessed
    assert read_metrics(evaluated.uri).reasons == (
        "rmse is 0.0400 behind the served version, more than the 0.025 allowed",
    )
