"""How popular movies are, of all time and of the month before a moment, by hand."""

import numpy as np

from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.retrieval.planted_towers import DAY, MOVIES, NOW, TRAINING
from trainer_module.retrieval.signatures import (
    popularity_before,
    recent_popularity,
    total_popularity,
)


def test_popularity_by_hand() -> None:
    states = tiny_world.states(MOVIES, TRAINING)
    assert total_popularity(states, len(MOVIES)).tolist() == [4, 2, 1, 3, 5, 1, 0]
    # One recent rating each of a, b and d; all 16 ratings only break ties.
    np.testing.assert_allclose(
        recent_popularity(states, len(MOVIES)),
        [1 + 4 / 17, 1 + 2 / 17, 1 / 17, 1 + 3 / 17, 5 / 17, 1 / 17, 0],
        rtol=1e-6,
    )


def test_the_month_before_a_moment_holds_its_start_and_not_its_end() -> None:
    month = 30 * DAY
    ratings = [("a", 3.0, NOW - month - 1), ("b", 3.0, NOW - month), ("c", 3.0, NOW - 1), ("d", 3.0, NOW)]
    states = tiny_world.states(MOVIES, {"ann": ratings, "ben": ratings[2:]})
    assert popularity_before(states, len(MOVIES), NOW).tolist() == [0, 1, 2, 0, 0, 0, 0]
    assert popularity_before(states, len(MOVIES), NOW + 1).tolist() == [0, 0, 2, 2, 0, 0, 0]
    assert popularity_before(states, len(MOVIES), NOW - month - 1).tolist() == [0] * 7
