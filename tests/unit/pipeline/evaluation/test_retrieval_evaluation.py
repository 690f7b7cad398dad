"""The Evaluator's results on lists with known answers."""

import logging
from collections import Counter
from collections.abc import Mapping
from math import log2, sqrt
from pathlib import Path

import pytest

from contracts import metrics
from contracts.artifacts import PROGRESS_LOGGER
from pipeline.evaluation.eval_config import retrieval_eval_config, summarize
from reports.reading.evaluation_results import Measure, read_metrics
from reports.reading.thresholds import Thresholds, read_least_slice_users, read_thresholds
from tests.unit.pipeline.evaluation.evaluated_worlds import LOW_THRESHOLDS, POPULAR, RANKED, ROWS, values
from tests.unit.pipeline.tiny_evaluator import ByUser, Evaluated, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def retrieval(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    model = ByUser("movie_id", RANKED, POPULAR)
    return run(tmp_path_factory.mktemp("retrieval"), ROWS, model, retrieval_eval_config(LOW_THRESHOLDS))


def measured(measures: Mapping[str, Measure]) -> dict[str, float]:
    """Without what is measured of the lists alone."""
    return {name: value for name, value in values(measures).items() if name not in metrics.LIST_METRICS}


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
    assert read_least_slice_users(retrieval.uri) == LOW_THRESHOLDS.min_slice_users


def test_rows_are_counted_as_they_are_evaluated(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, PROGRESS_LOGGER):
        run(tmp_path, ROWS, ByUser("movie_id", RANKED, POPULAR), retrieval_eval_config(LOW_THRESHOLDS))
    counted = Counter[str]()
    for record in caplog.records:
        if record.name == PROGRESS_LOGGER:
            counted[record.counted] += record.count  # type: ignore[attr-defined]
    assert counted == {"rows evaluated": len(ROWS)}


def test_intervals_of_shares_end_at_0_and_1(retrieval: Evaluated) -> None:
    """Four users make wide intervals, which TFMA has symmetric: below 0 and above 1."""
    summary = read_metrics(retrieval.uri)
    bounds = [
        (measure.lower, measure.upper)
        for found in (summary.overall, *summary.slices)
        for name, measure in (*found.model.items(), *found.reference.items())
        if name not in metrics.NOT_SHARES and measure.lower is not None and measure.upper is not None
    ]
    assert bounds
    assert all(0 <= lower <= upper <= 1 for lower, upper in bounds)
    assert any(0 in pair or 1 in pair for pair in bounds)


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
