"""Broken models of every kind are refused, each for the stated reason, and a good one is not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from contracts import features, metrics, signatures
from pipeline.config import EvaluationConfig
from tests.pipeline_run import PipelineRun
from tests.reliability.judged_models import Batch, Judged, Workshop, lists_of
from trainer_module.retrieval.examples import TARGETS

pytestmark = pytest.mark.slow

THRESHOLDS = EvaluationConfig()
RECALL = metrics.RECALL_AT[10]


@pytest.fixture
def workshop(sample_run: PipelineRun, tmp_path: Path) -> Workshop:
    return Workshop(sample_run, tmp_path)


def shuffled(names: Sequence[str]) -> Callable[[Batch], Batch]:
    """Gives the rows of a batch one another's values of these features."""

    def shuffle(batch: Batch) -> Batch:
        present = [name for name in names if name in batch]
        assert present
        order = tf.random.shuffle(tf.range(tf.shape(batch[present[0]])[0]), seed=1)
        return {**batch, **{name: tf.gather(batch[name], order) for name in present}}

    return shuffle


def of_other_movies(movies: int) -> Callable[[Batch], Batch]:
    """Gives every movie another one's targets; shuffled among rows they would still show what is popular."""
    other = tf.constant(np.random.default_rng(1).permutation(movies), tf.int32)

    def exchange(batch: Batch) -> Batch:
        targets = batch[TARGETS]
        return {**batch, TARGETS: tf.where(targets >= 0, tf.gather(other, tf.maximum(targets, 0)), targets)}

    return exchange


@pytest.mark.parametrize("name", ["retrieval", "ranking"])
def test_the_good_model_is_blessed_also_against_itself(workshop: Workshop, name: str) -> None:
    judged = workshop.judge(name, workshop.good(name), THRESHOLDS)
    assert (judged.blessed, judged.summary.reasons) == (True, ())


def test_ratings_learnt_from_shuffled_labels(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    model = workshop.trained("ranking", monkeypatch, shuffled([features.USER_RATING]))
    judged = workshop.judge("ranking", model, THRESHOLDS, workshop.good("ranking"))
    assert not judged.blessed
    assert judged.gives_reason("rmse does not beat its reference")
    assert judged.gives_reason("behind the served version")


def test_lists_learnt_from_shuffled_labels(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    model = workshop.trained("retrieval", monkeypatch, shuffled([TARGETS]))
    judged = workshop.judge("retrieval", model, THRESHOLDS, workshop.good("retrieval"))
    # It still ranks what is popular, so it is about as good as its reference.
    assert not judged.blessed
    assert judged.gives_reason("behind the served version")


def test_lists_learnt_from_labels_of_other_movies(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = workshop.trained("retrieval", monkeypatch, of_other_movies(len(_catalogue(workshop))))
    judged = workshop.judge("retrieval", model, THRESHOLDS, workshop.good("retrieval"))
    assert not judged.blessed
    assert judged.gives_reason(f"{RECALL} does not beat its reference")
    assert judged.gives_reason("behind the served version")


@pytest.mark.parametrize(("name", "metric"), [("retrieval", RECALL), ("ranking", "rmse")])
def test_an_untrained_model(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, name: str, metric: str
) -> None:
    model = workshop.trained(name, monkeypatch, epochs=1, learning_rate=1e-12)
    judged = workshop.judge(name, model, THRESHOLDS)
    assert not judged.blessed
    assert judged.gives_reason(f"{metric} does not beat its reference")


def test_an_all_zero_tower_scores_near_chance_although_factorized_top_k_calls_it_perfect(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = workshop.trained("retrieval", monkeypatch, weights=tf.zeros_like)
    judged = workshop.judge("retrieval", model, THRESHOLDS)
    overall = judged.summary.overall
    movies = len(_catalogue(workshop))
    # Ten of all movies at random hold so many of those that somebody rates; the popular ones are few.
    assert overall.model[RECALL].value < 3 * 10 / movies
    assert overall.model[RECALL].value < overall.reference[RECALL].value / 2
    assert not judged.blessed
    assert judged.gives_reason(f"{RECALL} does not beat its reference")

    # All scores tie, and TFRS counts a tie as a hit.
    zeros = tf.zeros([movies, 8])
    score_based = tfrs.metrics.FactorizedTopK(tf.data.Dataset.from_tensor_slices(zeros).batch(128), ks=(10,))
    score_based.update_state(tf.zeros([50, 8]), tf.zeros([50, 8]))
    assert [float(value) for value in score_based.result()] == [1.0]


@pytest.mark.parametrize("name", ["retrieval", "ranking"])
def test_weights_that_are_no_numbers(workshop: Workshop, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def not_a_number(weight: tf.Variable) -> tf.Tensor:
        return tf.fill(weight.shape, float("nan"))

    model = workshop.trained(name, monkeypatch, weights=not_a_number)
    judged = workshop.judge(name, model, THRESHOLDS)
    assert not judged.blessed
    if name == "ranking":
        assert judged.gives_reason("rmse nan misses the threshold of at most 1.1")
        assert judged.gives_reason("mae nan misses the threshold of at most 0.9")
    else:
        # No score that is a number, no movie.
        assert judged.gives_reason(f"{RECALL} 0.0000 misses the threshold")
        assert judged.gives_reason(
            "short_lists@10 1.0000 misses the threshold of at most 0.01 (the share of users"
        )


def test_the_same_list_for_everyone(workshop: Workshop) -> None:
    rows = workshop.eval_rows()
    depth = min(signatures.EVALUATION_DEPTH, sum(1 for _ in _catalogue(workshop)))
    # What is rated most in the eval split itself: no other list is as good for everyone.
    best = [movie for movie, _ in Counter(row[features.MOVIE_ID] for row in rows).most_common(depth)]
    best += [b""] * (depth - len(best))
    judged = _with_lists(workshop, {row[features.USER_ID]: best for row in rows})
    assert not judged.blessed
    assert judged.gives_reason(
        "personalization@10 0.0000 misses the threshold of at least 0.1 (users get much the"
    )


def test_a_regression_in_one_slice_of_a_list_that_is_better_on_the_whole(workshop: Workshop) -> None:
    rows = workshop.eval_rows()
    gender = {row[features.USER_ID]: row[features.USER_GENDER] for row in rows}
    rated = defaultdict(set)
    for row in rows:
        rated[row[features.USER_ID]].add(row[features.MOVIE_ID])
    few, many = _smaller_and_larger(gender.values())
    lists = {}
    for user, ranked in lists_of(workshop, list(gender)).items():
        hits = [movie for movie in ranked if movie in rated[user]]
        others = [movie for movie in ranked if movie not in rated[user]]
        # The many find theirs at the top, the few at the end.
        lists[user] = [*hits, *others] if gender[user] == many else [*others, *hits]
    judged = _with_lists(workshop, lists, served=workshop.good("retrieval"))
    assert judged.summary.overall.over_served[RECALL].value > 0
    assert not judged.blessed
    where = f"user_gender={few.decode()}: {RECALL} is at least "
    assert judged.gives_reason(where)
    assert judged.gives_reason(
        "behind the served version with 95 % confidence, more than the 0.02 allowed in a slice"
    )
    # Nothing else is wrong with it.
    assert all("slice" in reason for reason in judged.summary.reasons)


def test_a_regression_in_one_slice_of_ratings(workshop: Workshop) -> None:
    gender = {row[features.USER_ID]: row[features.USER_GENDER] for row in workshop.eval_rows()}
    few, _ = _smaller_and_larger(gender.values())
    off = {user: 0.6 for user, found in gender.items() if found == few}
    model = workshop.answering("ranking", off, features.USER_RATING)
    # Thresholds so wide that only the slice can fail.
    wide = {"max_rmse": 5, "max_mae": 5, "max_rmse_rise": 5, "beat_reference": False}
    thresholds = THRESHOLDS.model_copy(update={"min_slice_users": 20, **wide})
    judged = workshop.judge("ranking", model, thresholds, workshop.good("ranking"))
    assert not judged.blessed
    assert judged.gives_reason(f"user_gender={few.decode()}: rmse is at least ")
    assert judged.gives_reason(
        "behind the served version with 95 % confidence, more than the 0.05 allowed in a slice"
    )


def _with_lists(workshop: Workshop, lists: dict[bytes, list[bytes]], served: Path | None = None) -> Judged:
    model = workshop.answering("retrieval", lists, features.MOVIE_ID)
    return workshop.judge("retrieval", model, THRESHOLDS.model_copy(update={"min_slice_users": 20}), served)


def _catalogue(workshop: Workshop) -> set[bytes]:
    [sample] = workshop.run.output.glob("sample-*")
    return set((sample / "u.item").read_bytes().splitlines())


def _smaller_and_larger(genders: object) -> tuple[bytes, bytes]:
    [(many, _), (few, _)] = Counter(genders).most_common(2)  # type: ignore[call-overload]
    return few, many
