"""The final order of a list, and how it is fitted: numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.evaluation.ranked_ids import graded_by_user, retrieval_by_user
from trainer_module.recommender.order import WEIGHTS, FinalOrder, ValidationLists, fit_order, list_metrics

# Of log(1), ..., log(100).
DEVIATION = 0.9234
LEAST = float(np.finfo(np.float32).min)


def scores(
    weight: float, ratings: list[float], given: list[bool] | None = None, known: bool = True
) -> list[float]:
    """Scores of one list in the order of retrieval."""
    width = len(ratings)
    found = FinalOrder(weight).scores(
        tf.range(width)[tf.newaxis, :],
        tf.constant([ratings], tf.float32),
        tf.constant([[True] * width if given is None else given], tf.bool),
        tf.constant([known]),
    )
    listed: list[float] = found.numpy()[0].tolist()
    return listed


def validation(stars: list[list[float]], elsewhere: tuple[tuple[int, float], ...] = ()) -> ValidationLists:
    """Lists of users 0, 1, ... whose held-out ratings are `stars`, and others (user, stars) in no list."""
    listed = np.array(stars)
    users, slots = np.nonzero(listed)
    wanted = np.array([*listed[users, slots], *(rating for _, rating in elsewhere)])
    owners = np.array([*users, *(user for user, _ in elsewhere)])
    ids = np.array([[f"m{slot}" for slot in range(listed.shape[1])]] * len(stars), np.bytes_)
    names = np.array([f"u{user}" for user in range(len(stars))], np.bytes_)
    return ValidationLists(names, ids, listed, (wanted, owners))


def test_place_and_rating_are_standardized() -> None:
    # log(1), log(2), log(3); ratings 1, 2, 3 lie sqrt(2/3) apart from their mean.
    places = [0.0, -0.693 / DEVIATION, -1.099 / DEVIATION]
    assert scores(0.0, [1, 2, 3]) == pytest.approx(places, abs=2e-3)
    expected = [place + 0.5 * rating for place, rating in zip(places, [-1.225, 0, 1.225], strict=True)]
    assert scores(0.5, [1, 2, 3]) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("moved", [[11.0, 12.0, 13.0], [10.0, 20.0, 30.0], [-3.0, -2.0, -1.0]])
def test_scale_of_the_ratings_does_not_matter(moved: list[float]) -> None:
    assert scores(0.7, moved) == pytest.approx(scores(0.7, [1, 2, 3]), abs=1e-5)


@pytest.mark.parametrize("ratings", [[3.0, 3.0, 3.0], [3.0, 3.00001, 3.0]])
def test_equal_ratings_keep_the_order_of_retrieval(ratings: list[float]) -> None:
    assert scores(2.0, ratings) == scores(0.0, ratings)


def test_ratings_of_users_unknown_to_the_model_do_not_count() -> None:
    assert scores(2.0, [1, 2, 3], known=False) == scores(0.0, [1, 2, 3])


def test_empty_slots_come_last_and_do_not_count() -> None:
    found = scores(0.5, [1, 900, 2, 3], [True, False, True, True])
    assert found[1] == LEAST
    # The others as if they were alone, each at its own place.
    alone = [1.0, 2.0, 3.0]
    mean = np.mean(alone)
    expected = [
        -np.log(place + 1) / DEVIATION + 0.5 * (rating - mean) / np.std(alone)
        for place, rating in zip([0, 2, 3], alone, strict=True)
    ]
    assert found[:1] + found[2:] == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("width", [0, 1])
def test_shortest_lists(width: int) -> None:
    assert scores(1.0, [4.0] * width) == [0.0] * width
    assert scores(1.0, [4.0] * width, [False] * width) == [LEAST] * width


def test_metrics_by_hand() -> None:
    # User 0 gave 5 stars to the first movie and 2 to one outside of the list, user 1 gave 3 to the second.
    found = validation([[5, 0, 0], [0, 3, 0]], ((0, 2.0),))
    metrics = list_metrics(found.stars, *found.wanted)
    assert metrics["recall@10"] == pytest.approx((1 / 2 + 1) / 2)
    # User 1 liked nothing.
    assert metrics["liked_recall@10"] == pytest.approx(1.0)
    second = 1 / np.log2(3)
    ideal = 1 + 3 / 31 * second + 7 / 31
    assert metrics["graded_ndcg@10"] == pytest.approx((1 + 7 / 31 * second) / ideal)


def test_eleventh_slot_does_not_count() -> None:
    tenth, eleventh = ([0.0] * slot + [5.0] + [0.0] * (11 - slot) for slot in (9, 10))
    for stars, recall in ((tenth, 1.0), (eleventh, 0.0)):
        found = validation([stars])
        metrics = list_metrics(found.stars, *found.wanted)
        assert metrics["recall@10"] == metrics["liked_recall@10"] == recall
        assert metrics["graded_ndcg@10"] == pytest.approx(recall / np.log2(11))


def test_nobody_liked_a_movie() -> None:
    found = validation([[0.5, 0]])
    assert list_metrics(found.stars, *found.wanted)["liked_recall@10"] == 0


def test_metrics_are_those_of_the_evaluator() -> None:
    chance = np.random.default_rng(3)
    stars = chance.integers(1, 6, [40, 30]) * (chance.random([40, 30]) < 0.15)
    stars[:, 0] = 4
    others = tuple((user, float(1 + user % 5)) for user in range(0, 40, 3))
    found = validation(stars.astype(float).tolist(), others)
    wanted, users = found.wanted
    slots = np.concatenate([np.nonzero(found.stars)[1] + 1, np.zeros(len(others), np.int64)])
    with_liked, liked, gained, ideal, _, _ = graded_by_user(users, slots, wanted).sum(axis=0)
    recalls = retrieval_by_user(users, slots, [10])
    assert list_metrics(found.stars, *found.wanted) == pytest.approx(
        {
            "recall@10": recalls[:, 0].mean(),
            "liked_recall@10": liked / with_liked,
            "graded_ndcg@10": gained / ideal,
        }
    )


def test_fit_follows_ratings_that_match_what_is_liked() -> None:
    # Retrieval has the liked movie at place 3 of each list; its predicted rating stands out.
    lists = validation([[0, 0, 5, 0]] * 4)
    order, record = fit_order(lists, np.array([[3.0, 3.0, 4.0, 3.0]] * 4))
    # 1.0986 / 0.9234 have to be made up by (4 - 3.25) / 0.433 + (3.25 - 3) / 0.433 = 2.309: the first step
    # beyond 0.515.
    assert order.weight == 0.55
    assert record["weight"] == 0.55
    assert record["candidates"] == 100
    measured = record["validation"]
    assert isinstance(measured, dict)
    assert (measured["users"], measured["ratings"]) == (4, 4)
    assert measured["retrieval_order"]["graded_ndcg@10"] == pytest.approx(0.5)
    assert measured["final_order"]["graded_ndcg@10"] == pytest.approx(1.0)
    by_weight = record["graded_ndcg@10_by_weight"]
    assert isinstance(by_weight, dict)
    assert list(by_weight) == [str(weight) for weight in WEIGHTS]
    # One movie has been overtaken already: second place.
    assert by_weight["0.5"] == pytest.approx(1 / np.log2(3))


@pytest.mark.parametrize(
    "ratings", [[3.0, 4.0, 4.0, 4.0], [3.0, 3.0, 3.0, 3.0], [5.0, 4.0, 3.0, 2.0]], ids=["bad", "flat", "same"]
)
def test_fit_keeps_the_order_of_retrieval_unless_another_is_better(ratings: list[float]) -> None:
    order, record = fit_order(validation([[5, 0, 0, 0]] * 4), np.array([ratings] * 4))
    assert order.weight == 0
    measured = record["validation"]
    assert isinstance(measured, dict)
    assert measured["final_order"] == measured["retrieval_order"]


def test_fit_weighs_disliked_movies_less() -> None:
    # A movie of 1 star at the first place and one of 5 stars at the second, which the ratings distinguish.
    lists = validation([[1, 5, 0]] * 3)
    order, record = fit_order(lists, np.array([[2.0, 4.0, 3.0]] * 3))
    assert order.weight > 0
    measured = record["validation"]
    assert isinstance(measured, dict)
    assert measured["final_order"]["graded_ndcg@10"] == pytest.approx(1.0)
    assert measured["final_order"]["recall@10"] == measured["retrieval_order"]["recall@10"] == 1


def test_a_weight_that_loses_hits_is_not_chosen() -> None:
    # Half of the users find a movie of 5 stars higher up with any weight above 0.5. The others lose a hit of
    # 1 star from place 10 with any weight at all, which graded NDCG hardly shows.
    liked, disliked = [0.0] * 11, [0.0] * 11
    liked[2], disliked[9] = 5.0, 1.0
    raised, pushing = [3.0] * 11, [3.0] * 11
    raised[2] = pushing[10] = 4.0
    order, record = fit_order(
        validation([liked] * 5 + [disliked] * 5), np.array([raised] * 5 + [pushing] * 5)
    )
    by_weight = record["graded_ndcg@10_by_weight"]
    assert isinstance(by_weight, dict)
    assert by_weight["1.0"] > by_weight["0.0"]
    assert order.weight == 0
