"""What the retrieval model learns from: no example sees its own future, and nothing is lost."""

from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf

from components.movielens_example_gen.history import history_windows
from contracts import features
from tests.unit.trainer_module import tiny_world
from trainer_module.common.held_out import held_out
from trainer_module.common.user_states import UserStates
from trainer_module.retrieval.examples import (
    HELD_OUT_SHARE,
    NO_TARGET,
    RATED,
    TARGETS,
    Periods,
    RetrievalExamples,
    with_period,
)
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters

MOVIES = tiny_world.catalogue(list("abcde"))
STATES = tiny_world.states(
    MOVIES,
    {
        "ann": [("a", 5.0, 10), ("b", 5.0, 20), ("c", 5.0, 90)],
        "ben": [("e", 5.0, 30)],
        "cy": [("d", 5.0, 40), ("a", 5.0, 50), ("e", 5.0, 60), ("b", 5.0, 70)],
    },
)
PERIODS = Periods(np.array([30, 60]))


def rows(dataset: tf.data.Dataset) -> Iterator[tuple[int, list[int], list[int], int]]:
    """(user index, history, targets, period) of every row, without what pads them."""
    for batch in dataset.as_numpy_iterator():
        for user, history, targets, period in zip(
            batch[features.USER_INDEX],
            batch[features.HISTORY_MOVIE_INDEX],
            batch[TARGETS],
            batch[features.PERIOD_INDEX],
            strict=True,
        ):
            padding = np.flatnonzero(history)
            yield int(user), history[padding].tolist(), targets[targets >= 0].tolist(), int(period)


def examples(states: UserStates = STATES, **settings: object) -> RetrievalExamples:
    hyperparameters = RetrievalHyperparameters.model_validate({"batch_size": 2, **settings})
    return RetrievalExamples(with_period(states, PERIODS, hyperparameters), PERIODS, hyperparameters)


def test_periods_hold_as_many_ratings_each() -> None:
    timestamps = np.array([5, 1, 2, 8, 3, 4, 7, 6])
    periods = Periods.of(timestamps, 4)
    assert np.bincount(periods.index(timestamps)).tolist() == [0, 2, 2, 2, 2]
    assert periods.index(np.array([-100, 100])).tolist() == [1, 4]
    assert Periods.of(timestamps, 1).index(timestamps).tolist() == [1] * 8


def test_the_next_rating_is_predicted_from_those_before() -> None:
    assert sorted(rows(examples().training_batches(seed=1))) == [
        (1, [], [0], 1),
        (1, [1], [1], 1),
        (1, [1, 2], [2], 3),
        (2, [], [4], 2),
        (3, [], [3], 2),
        (3, [4], [0], 2),
        (3, [4, 1], [4], 3),
        (3, [4, 1, 5], [1], 3),
    ]


def test_a_long_history_loses_its_beginning() -> None:
    found = sorted(rows(examples(history_limit=2).training_batches(seed=1)))
    assert max(len(history) for _, history, *_ in found) == 2
    assert (3, [1, 5], [1], 3) in found


def test_epochs_differ_in_their_order_alone() -> None:
    dataset = examples().training_batches(seed=1)
    first, second = list(rows(dataset)), list(rows(dataset))
    assert first != second
    assert sorted(first) == sorted(second)


def test_ratings_of_one_second_come_in_another_order_each_epoch() -> None:
    states = tiny_world.states(
        MOVIES,
        {
            "ann": [("a", 5.0, 10), ("b", 5.0, 10), ("c", 5.0, 20)],
            "ben": [("e", 5.0, 20), ("d", 5.0, 30)],
        },
    )
    dataset = examples(states).training_batches(seed=1)
    epochs = {str(sorted(rows(dataset))) for _ in range(20)}
    always = [(1, [1, 2], [2], 1), (2, [], [4], 1), (2, [5], [3], 2)]
    either = ([(1, [], [0], 1), (1, [1], [1], 1)], [(1, [], [1], 1), (1, [2], [0], 1)])
    after = {1: [(1, [1, 2], [2], 1)], 2: [(1, [2, 1], [2], 1)]}
    assert epochs == {
        str(sorted([*either[0], *after[1], *always[1:]])),
        str(sorted([*either[1], *after[2], *always[1:]])),
    }


def test_example_gen_puts_ratings_of_one_second_into_the_same_orders() -> None:
    rated = [("a", 10), ("b", 20), ("c", 20), ("d", 30)]
    states = tiny_world.states(MOVIES, {"ann": [(movie, 5.0, second) for movie, second in rated]})
    dataset = examples(states).training_batches(seed=1)
    # By rated movie, what was rated before it, once an epoch.
    trained = {str(sorted((target, history) for _, history, [target], _ in rows(dataset))) for _ in range(20)}
    written = set()
    for seed in range(20):
        windows = history_windows(
            np.zeros(4, np.int64),
            np.array([second for _, second in rated]),
            np.zeros(4, np.bool_),
            np.ones(4, np.bool_),
            length=50,
            random=np.random.default_rng(seed),
        )
        histories = [
            (windows.candidates[start:stop] + 1).tolist()
            for start, stop in zip(windows.starts, windows.stops, strict=True)
        ]
        written.add(str(list(enumerate(histories))))
    b_first, c_first = [[], [1], [1, 2], [1, 2, 3]], [[], [1, 3], [1], [1, 3, 2]]
    assert trained == written == {str(list(enumerate(order))) for order in (b_first, c_first)}


def test_a_part_of_a_users_movies_is_predicted_from_the_others() -> None:
    dataset = examples(examples="held_out").training_batches(seed=1)
    drawn = list(rows(dataset.repeat(500)))
    # ben has but one movie, from which nothing can be predicted.
    assert {user for user, *_ in drawn} == {1, 3}
    for user, history, targets, _ in drawn:
        rated = [1, 2, 3] if user == 1 else [4, 1, 5, 2]
        assert history == [movie for movie in rated if movie - 1 not in targets]
        assert len(history) + len(targets) == len(rated)
    share = sum(len(targets) for *_, targets, _ in drawn) / (500 * 7)
    assert share == pytest.approx(HELD_OUT_SHARE, abs=0.03)


def test_each_epoch_holds_out_another_part() -> None:
    tf.keras.utils.set_random_seed(1)
    dataset = examples(examples="held_out").training_batches(seed=1)
    epochs = {tuple(sorted(map(str, rows(dataset)))) for _ in range(5)}
    assert len(epochs) > 1


def test_a_query_is_of_the_latest_rating_or_of_now() -> None:
    settings = {"examples": "held_out"}
    of_last = {user: period for user, *_, period in rows(examples(**settings).training_batches(1))}
    assert of_last == {1: 3, 3: 3}
    now = {user: period for user, *_, period in rows(examples(as_of="now", **settings).training_batches(1))}
    assert now == {1: 0, 3: 0}


def test_validation_has_one_query_a_user_with_all_training_ratings() -> None:
    kept = np.array([True, False, True, True, True, True, False, False])
    learned, later = STATES.where(kept), STATES.where(~kept)
    found = rows(examples(learned).validation_batches(later.positions, later.row_splits, seed=1))
    assert sorted(found) == [(1, [1, 3], [1], 3), (3, [4, 1], [4, 1], 2)]


def test_validation_hides_all_that_is_rated_also_outside_the_history() -> None:
    kept = np.array([True, True, False, True, True, True, True, False])
    learned, later = STATES.where(kept), STATES.where(~kept)
    (batch,) = examples(learned, history_limit=1).validation_batches(
        later.positions, later.row_splits, seed=1
    )
    assert batch[features.HISTORY_MOVIE_INDEX].numpy().tolist() == [[2], [5]]
    assert batch[RATED].numpy().tolist() == [[NO_TARGET, 0, 1], [3, 0, 4]]
    assert batch[TARGETS].numpy().tolist() == [[2], [1]]


def test_validation_treats_a_new_user_as_unknown() -> None:
    kept = np.array([False] * 3 + [True] * 5)
    learned, later = STATES.where(kept), STATES.where(~kept)
    found = rows(examples(learned).validation_batches(later.positions, later.row_splits, seed=1))
    assert list(found) == [(0, [], [0, 1, 2], 0)]


@pytest.mark.parametrize(
    ("rule", "share", "expected"),
    [
        # ann's and cy's last; ben does not have another.
        ("last", 0.9, [2, 7]),
        ("latest", 0.25, [2, 7]),
        ("latest", 0.5, [2, 5, 6, 7]),
    ],
)
def test_what_is_held_out(rule: str, share: float, expected: list[int]) -> None:
    assert np.flatnonzero(held_out(STATES, rule, share, seed=1)).tolist() == expected


def test_a_random_share_depends_on_the_seed() -> None:
    drawn = [np.flatnonzero(held_out(STATES, "random", 0.5, seed)).tolist() for seed in (1, 1, 2, 3)]
    assert drawn[0] == drawn[1]
    assert len({tuple(places) for places in drawn}) > 1
    assert {len(places) for places in drawn} == {4}


@pytest.mark.parametrize("rule", ["random", "last", "latest"])
def test_nothing_held_out_is_an_error(rule: str) -> None:
    with pytest.raises(ValueError, match=r"validation_share 0\.01 holds out none"):
        held_out(STATES, rule, 0.01, seed=1)
