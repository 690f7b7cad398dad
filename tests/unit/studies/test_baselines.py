"""Every baseline on worlds whose right answer is known."""

from typing import Any

import numpy as np
import pytest

from contracts.metrics import NDCG_AT, RECALL_AT, RMSE
from studies.baselines.biases import DampedBiases
from studies.baselines.linear import Ease, ItemKnn
from studies.baselines.popularity import NewUsersGetRecent, Popularity
from studies.baselines.registry import BASELINES
from studies.baselines.tuning import measure_baseline
from studies.data.split_data import SplitData
from studies.scoring import ranked_lists
from studies.tasks import RANKING, RETRIEVAL
from tests.unit.studies.worlds import checkerboard, ids, likes_and_dislikes, ratings
from trainer_module.ranking.biases import damped_biases

PERSONAL = [
    name for name, spec in BASELINES.items() if spec.task == RETRIEVAL and not name.startswith("popularity")
]
FACTORS = [name for name, spec in BASELINES.items() if spec.task == RANKING and name != "biases"]


def silent(number: int, count: int, best: str) -> None:
    assert 1 <= number <= count
    assert best


@pytest.mark.parametrize("name", PERSONAL)
def test_every_personal_baseline_finds_the_one_movie_of_the_own_colour_that_is_left(name: str) -> None:
    outcome = measure_baseline(BASELINES[name], checkerboard(), "random", 42, silent)

    assert outcome.metrics[NDCG_AT[10]] == 1.0


def test_popularity_cannot_distinguish_the_colours() -> None:
    outcome = measure_baseline(BASELINES["popularity"], checkerboard(), "random", 42, silent)

    # Eleven movies are left for each user, nearly equally popular: the right one is anywhere among them.
    assert 0.2 < outcome.metrics[NDCG_AT[10]] < 0.8
    assert outcome.metrics[RECALL_AT[20]] == 1.0


@pytest.mark.parametrize("name", FACTORS)
def test_factorizations_learn_the_checkerboard_of_stars(name: str) -> None:
    data = likes_and_dislikes()

    outcome = measure_baseline(BASELINES[name], data, "random", 42, silent)

    # A model of biases can do no better than 2 stars here.
    assert outcome.metrics[RMSE] < 1.2
    assert measure_baseline(BASELINES["biases"], data, "random", 42, silent).metrics[RMSE] == pytest.approx(
        2, abs=0.1
    )


def test_the_baseline_of_biases_is_the_reference_of_ranking() -> None:
    rows = [(0, 0, 3.0, 0), (0, 1, 5.0, 0), (1, 1, 4.0, 0)]
    data = SplitData(ids("u", 2), ids("m", 3), ratings(rows), ratings([]))
    baseline = DampedBiases(movie_damping=25, user_damping=10)
    baseline.fit(data)

    mean, users, movies = damped_biases(data.train.user, data.train.movie, data.train.rating, (2, 3))
    predicted = baseline.predict(np.array([0, 1, 1]), np.array([0, 1, 2]))
    # Movie 0 got -1 / 26 and movie 1 got 1 / 27; of user 0 the rest is 1 / 26 - 1 / 27 over 12.
    assert predicted[0] == pytest.approx(4 - 1 / 26 + (1 / 26 - 1 / 27) / 12)
    assert predicted.tolist() == pytest.approx((mean + users[[0, 1, 1]] + movies[[0, 1, 2]]).tolist())


def test_damping_takes_movies_and_users_halfway_to_the_mean() -> None:
    rows = [(0, 0, 5.0, 0), (1, 1, 1.0, 0)]
    baseline = DampedBiases(movie_damping=1, user_damping=1e9)
    baseline.fit(SplitData(ids("u", 2), ids("m", 3), ratings(rows), ratings([])))

    # Mean 3; one rating two stars above it and one pseudo-rating at it make one star. Nobody rated movie 2.
    assert baseline.predict(np.array([0, 0, 0]), np.array([0, 1, 2])) == pytest.approx([4, 2, 3], abs=1e-6)


def three_users() -> SplitData:
    """Movies 0 and 1 were watched by users 0 and 1, movie 2 by user 1 alone; user 2 is new."""
    rows = [(0, 0, 3.0, 0), (0, 1, 3.0, 0), (1, 0, 3.0, 0), (1, 1, 3.0, 0), (1, 2, 3.0, 10**8)]
    return SplitData(ids("u", 3), ids("m", 4), ratings(rows), ratings([(2, 3, 3.0, 10**8)]))


def test_item_knn_sums_cosines() -> None:
    baseline = ItemKnn(neighbours=4, shrinkage=0.0)
    baseline.fit(three_users())

    # cos(0, 1) = 2 / 2; cos(0, 2) = cos(1, 2) = 1 / sqrt(2). User 0 has watched 0 and 1.
    assert baseline.scores(np.array([0]))[0] == pytest.approx([1, 1, 2 / np.sqrt(2), 0])


def test_item_knn_keeps_the_nearest_alone() -> None:
    baseline = ItemKnn(neighbours=1, shrinkage=0.0)
    baseline.fit(three_users())

    # The nearest of 0 is 1 and that of 1 is 0, so movie 2 lends them nothing: user 1 has 2 beside 0 and 1.
    assert baseline.scores(np.array([1]))[0][:2] == pytest.approx([1, 1])


def test_ease_solves_its_normal_equations() -> None:
    data, penalty = checkerboard(), 2.0
    baseline = Ease(penalty)
    baseline.fit(data)
    watched = np.zeros((len(data.user_ids), len(data.movie_ids)))
    watched[data.train.user, data.train.movie] = 1

    # Each column is the ridge regression of its movie on all others.
    others = np.arange(1, len(data.movie_ids))
    x, y = watched[:, others], watched[:, 0]
    column = np.linalg.solve(x.T @ x + penalty * np.eye(len(others)), x.T @ y)

    assert baseline.scores(np.arange(len(watched)))[:, 0] == pytest.approx(x @ column)


def test_recent_popularity_counts_the_last_days_and_settles_ties_by_all_time() -> None:
    data = three_users()
    recent, total = Popularity(days=30), Popularity()
    recent.fit(data)
    total.fit(data)

    assert total.scores(np.array([0]))[0].tolist() == [2, 2, 1, 0]
    assert np.argsort(-recent.scores(np.array([0]))[0], kind="stable").tolist() == [2, 0, 1, 3]


def test_new_users_get_recent_popularity_and_others_their_own() -> None:
    data, knn = three_users(), ItemKnn(neighbours=4, shrinkage=0.0)
    both = NewUsersGetRecent(ItemKnn(neighbours=4, shrinkage=0.0))
    for baseline in (knn, both):
        baseline.fit(data)

    assert both.scores(np.array([0]))[0] == pytest.approx(knn.scores(np.array([0]))[0])
    assert int(np.argmax(both.scores(np.array([2]))[0])) == 2
    assert knn.scores(np.array([2]))[0].tolist() == [0, 0, 0, 0]


def test_tuning_reads_no_eval_rating() -> None:
    data = likes_and_dislikes()
    turned = SplitData(data.user_ids, data.movie_ids, data.train, ratings([(0, 0, 1.0, 0)]))

    def chosen(of: SplitData) -> Any:
        return measure_baseline(BASELINES["biases"], of, "random", 42, silent).settings

    assert chosen(data) == chosen(turned)


def test_ties_come_in_a_random_order_that_the_seed_settles() -> None:
    data = checkerboard()

    def lists(seed: int) -> list[list[bytes]]:
        return ranked_lists(lambda users: np.zeros((len(users), len(data.movie_ids))), data, seed)

    assert lists(1) == lists(1)
    assert lists(1) != lists(2)
    # Movies of the train split are left out, and all others are there once.
    assert sorted(lists(1)[0]) == sorted({*data.movie_ids.tolist()} - set(_watched_by(data, 0)))


def _watched_by(data: SplitData, user: int) -> list[bytes]:
    return data.movie_ids[data.train.movie[data.train.user == user]].tolist()
