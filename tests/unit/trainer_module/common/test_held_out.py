"""Which ratings validation keeps, and which ones the final order is fitted on."""

import numpy as np
import pytest

from tests.unit.trainer_module import tiny_world
from trainer_module.common.held_out import held_out, held_out_for_order

MOVIES = tiny_world.catalogue(list("abcd"))
# In the order of the rows, which is that of users: times 1 5 9, 2 6, 3, 4 7 8 10.
STATES = tiny_world.states(
    MOVIES,
    {
        "three": [("a", 3.0, 1), ("b", 3.0, 5), ("c", 3.0, 9)],
        "two": [("a", 3.0, 2), ("b", 3.0, 6)],
        "one": [("a", 3.0, 3)],
        "four": [("a", 3.0, 4), ("b", 3.0, 7), ("c", 3.0, 8), ("d", 3.0, 10)],
    },
)


def times(chosen: np.ndarray) -> list[int]:
    return sorted(STATES.timestamps[chosen].tolist())


def test_last_takes_the_last_of_each_user_and_then_the_one_before() -> None:
    assert times(held_out(STATES, "last", 1.0, seed=1)) == [6, 9, 10]
    # The one that is left of "two" stays in training.
    assert times(held_out_for_order(STATES, "last", 1.0, seed=1)) == [5, 8]


def test_latest_takes_the_newest_and_then_the_newest_of_the_others() -> None:
    assert times(held_out(STATES, "latest", 0.3, seed=1)) == [8, 9, 10]
    # The same share of seven ratings.
    assert times(held_out_for_order(STATES, "latest", 0.3, seed=1)) == [6, 7]


@pytest.mark.parametrize("rule", ["random", "last", "latest"])
@pytest.mark.parametrize("seed", range(5))
def test_no_rating_is_in_both(rule: str, seed: int) -> None:
    first, second = (choose(STATES, rule, 0.3, seed) for choose in (held_out, held_out_for_order))
    assert first.shape == second.shape == STATES.positions.shape
    assert first.any()
    assert second.any()
    assert not (first & second).any()
    assert (second == held_out_for_order(STATES, rule, 0.3, seed)).all()


def test_seed_settles_a_random_choice() -> None:
    found = {tuple(times(held_out_for_order(STATES, "random", 0.3, seed))) for seed in range(20)}
    assert len(found) > 5


def test_too_little_for_both_is_refused() -> None:
    with pytest.raises(ValueError, match="validation_share"):
        held_out_for_order(STATES, "latest", 0.1, seed=1)
