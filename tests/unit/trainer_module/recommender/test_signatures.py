"""What the recommender answers, composed of two SavedModels with planted weights and loaded again."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from contracts import features, signatures
from contracts.signatures import MAX_SLOTS
from tests.unit.trainer_module.loaded_model import Answer, load
from tests.unit.trainer_module.recommender.planted_stages import (
    STARS,
    UNKNOWN_USER,
    listed,
    save_ranking,
    save_retrieval,
)
from tests.unit.trainer_module.tiny_world import example
from trainer_module.recommender import signatures as serving_module
from trainer_module.recommender.order import FinalOrder
from trainer_module.recommender.signatures import RecommenderServing, RerankingServing

pytestmark = pytest.mark.slow

TOP_K = 4
# So large that the ratings alone decide: c (5.5), d (5.2), e (4), a (3), b (2), f (1).
BY_STARS = FinalOrder(50.0)
BY_PLACE = FinalOrder(0.0)
# In training, everybody liked the movies the other way round.
TRAINED = dict(zip(STARS, reversed(STARS.values()), strict=True))


def compose(folder: Path, order: FinalOrder, top_k: int = TOP_K) -> Mapping[str, Answer]:
    """Writes the recommender, throws away the stages, and loads it."""
    stages = save_retrieval(folder / "retrieval", top_k), save_ranking(folder / "ranking", STARS, TRAINED)
    serving = RecommenderServing(*map(tf.saved_model.load, stages), order)
    tf.saved_model.save(serving, str(folder / "model"), signatures=serving.signatures())
    for stage in ("retrieval", "ranking"):
        shutil.rmtree(folder / stage)
    return load(str(folder / "model"))


@pytest.fixture(scope="module")
def by_stars(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Answer]:
    return compose(tmp_path_factory.mktemp("by_stars"), BY_STARS)


@pytest.fixture(scope="module")
def by_place(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Answer]:
    return compose(tmp_path_factory.mktemp("by_place"), BY_PLACE)


@pytest.fixture(scope="module")
def reranking(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Answer]:
    folder = tmp_path_factory.mktemp("reranking")
    serving = RerankingServing(tf.saved_model.load(save_ranking(folder)), BY_STARS)
    tf.saved_model.save(serving, str(folder / "reranking"), signatures=serving.signatures())
    return load(str(folder / "reranking"))


def recommend(
    served: Mapping[str, Answer], users: list[str], k: int, exclude: list[list[str]] | None = None
) -> dict[str, Any]:
    nothing = tf.zeros([len(users), 0], tf.string)
    return served[signatures.RECOMMEND](
        user_id=tf.constant(users, tf.string),
        exclude_movie_ids=nothing if exclude is None else tf.constant(exclude),
        k=tf.constant(k),
    )


def test_final_list_is_in_the_order_of_what_is_predicted(by_stars: Mapping[str, Answer]) -> None:
    # ann has rated a and f. Clipped to 5 stars, c and d would tie.
    found = recommend(by_stars, ["ann"], 4)
    assert listed(found) == ["cdeb"]
    assert found[features.MOVIE_TITLE][0].tolist() == [f"Title of {movie}".encode() for movie in "cdeb"]
    assert found[features.USER_RATING][0].tolist() == [5.0, 5.0, 4.0, 2.0]
    assert (np.diff(found[signatures.SCORE]) < 0).all()
    assert found[signatures.KNOWN_USER].tolist() == [True]


def test_weight_of_zero_is_the_order_of_retrieval(by_place: Mapping[str, Answer]) -> None:
    found = recommend(by_place, ["ann", "new"], 4)
    assert listed(found) == ["bcde", "acde"]
    # Ratings stay with their movies.
    assert found[features.USER_RATING][1].tolist() == [3.0, 5.0, 5.0, 4.0]


def test_best_of_all_candidates_come_first_however_small_k_is(by_stars: Mapping[str, Answer]) -> None:
    assert listed(recommend(by_stars, ["ann", "new"], 1)) == ["c", "c"]
    assert listed(recommend(by_stars, ["new"], 5)) == ["cdeaf"]


def test_excluded_movies_make_room_for_others(by_stars: Mapping[str, Answer]) -> None:
    found = recommend(by_stars, ["ann", "new"], 3, [["c", "none"], ["d", "e"]])
    assert listed(found) == ["deb", "caf"]


def test_more_than_there_are_gives_empty_slots_at_the_end(by_stars: Mapping[str, Answer]) -> None:
    found = recommend(by_stars, ["ann"], 1000, [["e"]])
    assert listed(found) == ["cdb..."]
    assert (np.diff(found[signatures.SCORE]) <= 0).all()
    assert np.isfinite(found[signatures.SCORE]).all()


def test_k_of_zero(by_stars: Mapping[str, Answer]) -> None:
    assert recommend(by_stars, ["ann"], 0)[features.MOVIE_ID].shape == (1, 0)


@pytest.mark.parametrize("k", [-1, MAX_SLOTS + 1])
def test_k_beyond_its_bounds_is_refused(k: int, by_stars: Mapping[str, Answer]) -> None:
    # `recommend` retrieves at least CANDIDATES, so that the bounds of retrieval alone would let -1 pass.
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"k is.*\[{k}\]"):
        recommend(by_stars, ["ann"], k)


def test_a_batch_without_users(by_stars: Mapping[str, Answer]) -> None:
    assert recommend(by_stars, [], 3)[features.MOVIE_ID].shape == (0, 3)


def test_unknown_user_gets_what_is_popular_and_is_not_reordered(by_stars: Mapping[str, Answer]) -> None:
    found = recommend(by_stars, [UNKNOWN_USER, "ann"], 3)
    assert listed(found) == ["fed", "cde"]
    assert found[signatures.KNOWN_USER].tolist() == [False, True]
    assert found[features.USER_RATING][0].tolist() == [1.0, 4.0, 5.0]


def test_default_answer_is_the_head_of_the_whole_list(by_stars: Mapping[str, Answer]) -> None:
    users = ["ann", "new", "old f", UNKNOWN_USER]
    default = by_stars[signatures.SERVING_DEFAULT](user_id=tf.constant(users))
    whole = recommend(by_stars, users, TOP_K)
    assert set(default) == set(whole)
    for name, values in whole.items():
        np.testing.assert_array_equal(default[name], values, name)


def test_new_user_gets_the_order_of_retrieval_and_ratings(by_stars: Mapping[str, Answer]) -> None:
    found = by_stars[signatures.RECOMMEND_FROM_HISTORY](
        history_movie_ids=tf.constant([["", "none"], ["f", "e"]])
    )
    # Nothing is known of the first one, who gets what is popular.
    assert listed(found)[0] == "fedc"
    assert not set("fe") & set(listed(found)[1])
    assert found[features.USER_RATING][0].tolist() == [1.0, 4.0, 5.0, 5.0]


def test_what_follows_the_candidates_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_module, "CANDIDATES", 2)
    served = compose(tmp_path, BY_STARS)
    # Of a, b, c, d, e, f without b: a and c are candidates, and c has more stars than a.
    found = recommend(served, ["new"], 5)
    assert listed(found) == ["cadef"]
    assert (np.diff(found[signatures.SCORE]) < 0).all()


def test_evaluator_sees_training_alone_and_every_order(by_stars: Mapping[str, Answer]) -> None:
    rows = [{"user_id": user, "movie_id": "b"} for user in ("ann", "new")]
    found = by_stars[signatures.EVALUATE](examples=tf.constant([example(row) for row in rows]))
    # In training ann had rated f alone, and "new" nothing; the stars were a 1, b 4, c 5.2, d 5.5, e 2, f 3.
    assert listed(found)[0] == "dcbea."
    assert listed(found, signatures.RETRIEVAL_ORDER_MOVIE_ID) == ["abcde.", "fedcba"]
    assert listed(found, signatures.RATING_ORDER_MOVIE_ID) == ["dcbea.", "dcbfea"]
    assert listed(found, signatures.REFERENCE_MOVIE_ID) == ["edcba.", "fedcba"]
    # The scores fall along the list, and its ratings are those of training, on the scale.
    assert (np.diff(found[signatures.SCORE][0][:5]) < 0).all()
    assert found[signatures.LIST_RATING][0].tolist()[:5] == [5.0, 5.0, 4.0, 2.0, 1.0]
    # Users that training does not hold are not reordered.
    assert listed(found)[1] == "fedcba"
    assert found[signatures.COLD_USER].tolist() == [b"no", b"yes"]
    # Ratings in training of d, c, b, e and a.
    assert found[signatures.LIST_POPULARITY][0].tolist()[:5] == [4.0, 3.0, 2.0, 5.0, 1.0]


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65])
def test_evaluated_list_is_the_same_in_any_batch(size: int, by_stars: Mapping[str, Answer]) -> None:
    rows = tf.constant([example({"user_id": "ann", "movie_id": "b"})] * size, tf.string)
    assert listed(by_stars[signatures.EVALUATE](examples=rows)) == ["dcbea."] * size


def test_signatures_of_the_stages_are_passed_on(by_stars: Mapping[str, Answer]) -> None:
    ranked = by_stars[signatures.RANK](user_id=tf.constant(["ann"]), movie_id=tf.constant([["a", "c", ""]]))
    assert ranked[features.USER_RATING][0].tolist() == [3.0, 5.0, 3.0]
    similar = by_stars[signatures.SIMILAR_MOVIES](movie_id=tf.constant(["a", "none"]), k=tf.constant(2))
    assert similar[signatures.KNOWN_MOVIE].tolist() == [True, False]
    assert listed(similar)[1] == ".."
    assert signatures.RERANK not in by_stars


def test_rerank_gives_the_order_and_the_scores_of_the_recommender(
    by_stars: Mapping[str, Answer], reranking: Mapping[str, Answer]
) -> None:
    candidates = "bcde"
    whole = recommend(by_stars, ["ann"], 4)
    expected = dict(zip(listed(whole)[0], whole[signatures.SCORE][0], strict=True))
    # The places are those of the scores, wherever a candidate stands.
    for given in (candidates, candidates[::-1]):
        found = reranking[signatures.RERANK](
            user_id=tf.constant(["ann"]),
            movie_id=tf.constant([list(given)]),
            retrieval_score=tf.constant([[100.0 - candidates.index(movie) for movie in given]]),
        )
        assert found[signatures.SCORE][0].tolist() == pytest.approx([expected[movie] for movie in given])
        assert found[features.USER_RATING][0].tolist() == [min(STARS[movie], 5.0) for movie in given]


def test_rerank_of_more_than_the_candidates_agrees_with_the_recommender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_module, "CANDIDATES", 2)
    whole = recommend(compose(tmp_path / "whole", BY_STARS), ["new"], 5)
    expected = dict(zip(listed(whole)[0], whole[signatures.SCORE][0].tolist(), strict=True))
    (tmp_path / "stages").mkdir()
    reranking = RerankingServing(tf.saved_model.load(save_ranking(tmp_path / "stages" / "ranking")), BY_STARS)
    given = "fedca"
    found = reranking.signatures()[signatures.RERANK](
        user_id=tf.constant(["new"]),
        movie_id=tf.constant([list(given)]),
        retrieval_score=tf.constant([[1.0, 2.0, 3.0, 4.0, 6.0]]),
    )
    assert found[signatures.SCORE][0].numpy().tolist() == pytest.approx([expected[movie] for movie in given])


def test_rerank_does_not_count_empty_slots_whatever_their_score(reranking: Mapping[str, Answer]) -> None:
    def rerank(movies: list[str], scores: list[float]) -> list[float]:
        found = reranking[signatures.RERANK](
            user_id=tf.constant(["ann"]), movie_id=tf.constant([movies]), retrieval_score=[scores]
        )
        listed: list[float] = found[signatures.SCORE][0].tolist()
        return listed

    alone = rerank(["a", "b"], [-1.0, -2.0])
    padded = rerank(["", "a", "b"], [0.0, -1.0, -2.0])
    assert padded[1:] == pytest.approx(alone)
    assert padded[0] < min(alone)


def test_reranking_model_keeps_the_signatures_of_ranking(reranking: Mapping[str, Answer]) -> None:
    assert set(reranking) == {signatures.RANK, signatures.RERANK}
    ranked = reranking[signatures.RANK](user_id=tf.constant(["ann"]), movie_id=tf.constant([["c", "b"]]))
    assert ranked[features.USER_RATING][0].tolist() == [5.0, 2.0]
