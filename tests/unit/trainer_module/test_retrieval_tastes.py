"""On the synthetic sample, whose tastes are planted, each way to learn finds far more than popularity."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from datasets.sample import SampleSpec, planted_world, rating_blocks
from tests.unit.trainer_module import tiny_world
from trainer_module import features
from trainer_module.catalogue import Catalogue
from trainer_module.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval import RetrievalData
from trainer_module.retrieval_examples import held_out
from trainer_module.towers import VOCABULARIES
from trainer_module.user_states import UserStates

SAMPLE = SampleSpec.sized(20_000)


class Vocabularies:
    """Stands in for the transform output, which knows how many users and movies there are."""

    def __init__(self, states: UserStates, movies: Catalogue) -> None:
        sizes = tiny_world.sizes(users=len(states.ids), movies=len(movies)).sizes
        self._rows = {VOCABULARIES[name]: sizes[name] for name in VOCABULARIES}

    def vocabulary_size_by_name(self, name: str) -> int:
        return self._rows[name] - 1


@pytest.fixture(scope="module")
def planted() -> tuple[UserStates, Catalogue]:
    """Users and movies by id alone: no genre gives the tastes away."""
    rows = np.concatenate(list(rating_blocks(planted_world(SAMPLE))))
    movies = tiny_world.catalogue([str(movie) for movie in range(1, SAMPLE.movies + 1)])
    movies.columns[features.GENRES_MULTI_HOT][:] = 0
    ratings: dict[str, list[tuple[str, float, int]]] = {}
    for user, movie, stars, seconds in rows[np.argsort(rows[:, 3], kind="stable")]:
        ratings.setdefault(str(user), []).append((str(movie), float(stars), int(seconds)))
    return tiny_world.states(movies, ratings), movies


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"examples": "next", "loss": "full_softmax", "epochs": 4},
        {"examples": "next", "loss": "sampled_softmax", "epochs": 4},
        {"examples": "held_out", "loss": "weighted_squared", "epochs": 60, "batch_size": 64},
    ],
    ids=lambda settings: f"{settings['examples']}-{settings['loss']}",
)
def test_planted_tastes_are_found(planted: tuple[UserStates, Catalogue], settings: dict[str, Any]) -> None:
    tf.keras.utils.set_random_seed(1)
    states, movies = planted
    hyperparameters = RetrievalHyperparameters.model_validate(
        {"embedding_dim": 16, "batch_size": 256, "learning_rate": 5e-3, "sequence_length": 0, **settings}
    )
    setup: Any = SimpleNamespace(
        training_states=states, catalogue=movies, seed=1, transform_output=Vocabularies(states, movies)
    )
    data = RetrievalData(setup, hyperparameters)
    kept, training, validation = data.cut(held_out(states, "random", 0.1, seed=1))
    # A new tower with a softmax ranks by popularity.
    softmax = hyperparameters.model_copy(update={"loss": "full_softmax"})
    by_popularity = RetrievalData(setup, softmax).new_model(kept)
    by_popularity.compile()
    popularity = by_popularity.evaluate(validation, verbose=0, return_dict=True)["recall_at_10"]

    model = data.new_model(kept)
    model.compile(optimizer=tf.keras.optimizers.Adam(hyperparameters.learning_rate))
    model.fit(training, epochs=hyperparameters.epochs, verbose=0)
    recall = model.evaluate(validation, verbose=0, return_dict=True)["recall_at_10"]
    assert recall > 1.3 * popularity, (recall, popularity)
