"""On the synthetic sample, whose tastes are planted, every model finds far more than its reference."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from contracts import features, signatures
from tests.models.planted_sample import HISTORY_LENGTH, PlantedSample, planted_sample
from tests.models.trained_model import World, train
from tests.transform_run import run_transform
from tests.unit.trainer_module.tiny_world import example, write

pytestmark = pytest.mark.slow

FIT = {"batch_size": 256, "learning_rate": 0.003, "embedding_dim": 16, "dropout": 0.3, "patience": 60}
FINDS = {**FIT, "epochs": 7, "sequence_length": 0, "l2": 1e-4, "user_l2": 1e-3, "validation": "random"}
SOFTMAX = {**FINDS, "dropout": 0.4}
# A step of these examples takes so many users instead of ratings.
SQUARED = {
    **SOFTMAX,
    "examples": "held_out",
    "batch_size": 32,
    "epochs": 50,
    "learning_rate": 0.005,
    "unobserved_weight": 0.3,
}
RATES = {**FIT, "epochs": 10, "hidden_units": [64], "l2": 2e-5}
SVDPP = {**RATES, "structure": "svdpp", "learning_rate": 0.002, "epochs": 7, "l2_factors": 0.03}
# By name: the module of its `run_fn`, and its hyperparameters.
MODELS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "retrieval, full_softmax": ("retrieval", {**SOFTMAX, "loss": "full_softmax"}),
    "retrieval, sampled_softmax": ("retrieval", {**SOFTMAX, "loss": "sampled_softmax"}),
    "retrieval, weighted_squared": ("retrieval", {**SQUARED, "loss": "weighted_squared"}),
    **{
        f"ranking, {structure}": ("ranking", {**RATES, "structure": structure})
        for structure in ("stacked", "parallel", "low_rank", "dnn")
    },
    "ranking, svdpp": ("ranking", SVDPP),
    "joint, svdpp": ("joint", {"retrieval": {**FINDS, "l2": RATES["l2"]}, "ranking": SVDPP}),
}


@pytest.fixture(scope="module")
def sample() -> PlantedSample:
    return planted_sample()


@pytest.fixture(scope="module")
def world(sample: PlantedSample, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The train split after Transform, and the held-out Examples."""
    folder = tmp_path_factory.mktemp("planted")
    return World(
        run_transform(folder, sample.train),
        write(folder / "movies.gz", sample.movies),
        [example(row) for row in sample.held_out],
    )


@pytest.mark.parametrize("name", MODELS)
def test_planted_tastes_are_found(
    name: str, world: World, sample: PlantedSample, tmp_path_factory: pytest.TempPathFactory
) -> None:
    module, hyperparameters = MODELS[name]
    model = train(world, module, hyperparameters, tmp_path_factory.mktemp(module), HISTORY_LENGTH)
    found = model.before[signatures.EVALUATE]
    if model.ranks:
        movies = np.array([str(row["movie_id"]).encode() for row in sample.held_out], np.object_)
        recall, popularity = (
            float(np.mean((found[lists][:, :10] == movies[:, np.newaxis]).any(axis=1)))
            for lists in (features.MOVIE_ID, signatures.REFERENCE_MOVIE_ID)
        )
        assert recall > 1.3 * popularity, (recall, popularity)
    if model.rates:
        stars = np.array([row["user_rating"] for row in sample.held_out])
        floor, reached, biases = (
            float(np.mean((predicted - stars) ** 2))
            for predicted in (
                sample.expected,
                found[features.USER_RATING],
                found[signatures.REFERENCE_RATING],
            )
        )
        # Of what the biases leave, taste, so much may be missed; the noise nobody can find.
        missed = 0.25 if "svdpp" in name else 0.5
        assert reached - floor < missed * (biases - floor), tuple(np.sqrt([floor, reached, biases]))
