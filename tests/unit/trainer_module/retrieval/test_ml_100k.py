"""What a retrieval model receives of the time before its periods, worked out by hand for the tiny world."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.unit.trainer_module.tiny_world import MONDAY_MIDNIGHT
from trainer_module.common.training_setup import TrainingSetup
from trainer_module.common.user_states import UserStates
from trainer_module.retrieval import run_fn
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.run_fn import RetrievalData


@pytest.fixture
def data(trainer_args: Callable[..., SimpleNamespace]) -> RetrievalData:
    """The ratings of the tiny world in two periods, the second one from Monday midnight."""
    setup = TrainingSetup(trainer_args({}))
    return RetrievalData(setup, RetrievalHyperparameters(periods=2))


def before_periods(
    data: RetrievalData, states: UserStates, monkeypatch: pytest.MonkeyPatch
) -> dict[str, tuple[list[float], int]]:
    """By movie id, the popularity and the first period that a new model gets."""
    arguments: list[Any] = []
    monkeypatch.setattr(run_fn, "RetrievalModel", lambda *args: arguments.extend(args))
    data.new_model(states)
    _, _, catalogue, popularity, first_period = arguments
    return {
        id_.decode(): (row.tolist(), int(period))
        for id_, row, period in zip(catalogue.ids, popularity, first_period, strict=True)
    }


def test_popularity_and_first_periods_by_hand(data: RetrievalData, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of all time; in the month before the first rating, before Monday midnight, and before now.
    assert before_periods(data, data.states, monkeypatch) == {
        # ann's rating is two years old, ben's of Sunday is in both months, and çy's is of Monday.
        "1": ([3, 0, 1, 2], 1),
        "2": ([1, 0, 0, 0], 1),
        "3": ([1, 0, 0, 1], 2),
        # Rated at midnight sharp, which is in the second period and not before it.
        "4": ([1, 0, 0, 1], 2),
        # The last rating of all is recent as well.
        "5": ([1, 0, 0, 1], 2),
        # Nobody has rated it, so its first time is unknown.
        "6": ([0, 0, 0, 0], 1),
    }


def test_a_model_receives_its_training_ratings_alone(
    data: RetrievalData, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = data.states
    ids = data.setup.catalogue.ids[states.positions].astype(str)
    # Without the two oldest ratings of movie 1 and the only one of movie 2.
    kept = (states.timestamps >= MONDAY_MIDNIGHT) & (ids != "2")
    found = before_periods(data, states.where(kept), monkeypatch)
    assert found["1"] == ([1, 0, 0, 1], 2)
    assert found["2"] == ([0, 0, 0, 0], 1)
    assert found["4"] == ([1, 0, 0, 1], 2)


def test_without_any_rating_all_is_zero(data: RetrievalData, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = data.states.where(np.zeros(len(data.states.positions), np.bool_))
    assert set(map(str, before_periods(data, nothing, monkeypatch).values())) == {"([0.0, 0.0, 0.0, 0.0], 1)"}
