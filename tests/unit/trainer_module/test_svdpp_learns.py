"""SVD++ finds what was planted in the synthetic sample: held-out ratings to little more than their noise."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from datasets.sample import SampleSpec, planted_world, rating_blocks
from trainer_module import features
from trainer_module.biases import damped_biases
from trainer_module.catalogue import Catalogue
from trainer_module.hyperparameters import RankingHyperparameters
from trainer_module.rating_sets import RatingSets
from trainer_module.svdpp import SvdppModel
from trainer_module.towers import FIXED_SIZES, VocabularySizes
from trainer_module.user_states import PROFILE_FEATURES, UserStates

SPEC = SampleSpec(ratings=30_000, users=420, movies=500, seed=7)


@pytest.mark.slow
def test_held_out_ratings_come_near_the_planted_noise(tmp_path: Path) -> None:
    tf.keras.utils.set_random_seed(1)
    world = planted_world(SPEC)
    rows = np.concatenate(list(rating_blocks(world)))
    held_out = np.random.default_rng(1).random(len(rows)) < 0.1
    held_out[np.flatnonzero(np.diff(rows[:, 0], prepend=0))] = False
    train, test = rows[~held_out], rows[held_out]
    genres = np.zeros((SPEC.movies, len(features.GENRES)), np.float32)
    genres[:, : world.genres.shape[1]] = world.genres
    columns = {
        features.MOVIE_INDEX: np.arange(1, SPEC.movies + 1),
        features.GENRES_MULTI_HOT: genres,
        features.RELEASE_DECADE_INDEX: np.zeros(SPEC.movies, np.int64),
        features.RELEASE_YEAR_NORMALIZED: np.zeros(SPEC.movies, np.float32),
    }
    profile = {name: np.zeros(SPEC.users, np.int64) for name in PROFILE_FEATURES}
    profile[features.USER_INDEX] = np.arange(1, SPEC.users + 1)
    profile[features.GENDER_INDEX] = world.gender + 1
    profile[features.OCCUPATION_INDEX] = world.occupation + 1
    profile[features.AGE_NORMALIZED] = ((world.age - 33) / 11).astype(np.float32)
    sizes = VocabularySizes(
        {
            **FIXED_SIZES,
            features.USER_INDEX: SPEC.users + 1,
            features.MOVIE_INDEX: SPEC.movies + 1,
            features.OCCUPATION_INDEX: int(world.occupation.max()) + 2,
        }
    )
    catalogue = Catalogue(_texts(np.arange(1, SPEC.movies + 1)), _texts(np.arange(SPEC.movies)), columns)
    states = UserStates(
        ids=_texts(np.arange(1, SPEC.users + 1)),
        profile={name: np.asarray(values) for name, values in profile.items()},
        row_splits=np.searchsorted(train[:, 0], np.arange(1, SPEC.users + 2)),
        positions=(train[:, 1] - 1).astype(np.int32),
        movie_index=train[:, 1].astype(np.int32),
        ratings=train[:, 2].astype(np.float32),
        timestamps=train[:, 3],
    )

    def batches(some: np.ndarray) -> tf.data.Dataset:
        users, movies = some[:, 0] - 1, some[:, 1] - 1
        return tf.data.Dataset.from_tensor_slices(
            {
                features.USER_ID: _texts(some[:, 0]).astype("S"),
                features.MOVIE_ID: _texts(some[:, 1]).astype("S"),
                features.TIMESTAMP: some[:, 3],
                features.USER_RATING: some[:, 2].astype(np.float32),
                **{name: values[users] for name, values in states.profile.items()},
                **{name: values[movies] for name, values in columns.items()},
            }
        )

    mean, user_bias, movie_bias = damped_biases(states, len(catalogue))
    first = {
        features.USER_INDEX: np.concatenate([[0], user_bias]).astype(np.float32),
        features.MOVIE_INDEX: np.concatenate([[0], movie_bias]).astype(np.float32),
    }
    sets = RatingSets(states, catalogue, mean_rating=mean, limit=1000, assets=str(tmp_path), name="test")
    hyperparameters = RankingHyperparameters(structure="svdpp", embedding_dim=16, l2_factors=0.03)
    model = SvdppModel(sizes, hyperparameters, mean, sets, first)
    model.compile(optimizer=tf.keras.optimizers.Adam(2e-3))
    shuffled = batches(train).shuffle(len(train), seed=1)
    model.fit(shuffled.batch(512), epochs=8, verbose=0)
    [found] = [np.asarray(model(batch)) for batch in batches(test).batch(len(test))]
    floor = _rmse(np.clip(world.expected_rating(test[:, 0], test[:, 1]), 1, 5), test)
    biases = _rmse(mean + user_bias[test[:, 0] - 1] + movie_bias[test[:, 1] - 1], test)
    reached = _rmse(np.clip(found, 1, 5), test)
    # Of what the biases leave, taste, three quarters are found; the noise nobody can find.
    assert reached**2 - floor**2 < 0.25 * (biases**2 - floor**2), (floor, reached, biases)


def _texts(ids: np.ndarray) -> np.ndarray:
    return np.array([str(id_).encode() for id_ in ids], np.object_)


def _rmse(predicted: np.ndarray, rows: np.ndarray) -> float:
    return float(np.sqrt(np.mean((predicted - rows[:, 2]) ** 2)))
