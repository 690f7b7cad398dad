"""What comes after a pause depends on what came after the last one: the transformer finds it."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.models.planted_sessions import MOVIES, PlantedSessions, planted_sessions
from tests.unit.trainer_module import tiny_world
from trainer_module.common.fitting import fit
from trainer_module.common.held_out import held_out
from trainer_module.retrieval.examples import Periods, RetrievalExamples, with_period
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.model import MODE, MONITOR, RetrievalModel
from trainer_module.retrieval.signatures import total_popularity

pytestmark = pytest.mark.slow

USERS, LONGEST, SEED = 1000, 8, 1
SETTINGS = {
    "embedding_dim": 32,
    "sequence_length": 10,
    "batch_size": 512,
    "learning_rate": 0.005,
    "user_l2": 0.01,
    "unknown_id_share": 0.3,
    "periods": 1,
    "epochs": 5,
    "patience": 5,
}


@pytest.fixture(scope="module")
def world() -> PlantedSessions:
    return planted_sessions(USERS, LONGEST, SEED)


def found(world: PlantedSessions, encoder: str, folder: Path) -> float:
    """Recall@10 of half of the users' last ratings."""
    tf.keras.utils.set_random_seed(SEED)
    settings = RetrievalHyperparameters.model_validate({**SETTINGS, "sequence_encoder": encoder})
    periods = Periods.of(world.states.timestamps, settings.periods)
    chosen = held_out(world.states, "last", 0.5, SEED)
    learned, to_find = (
        with_period(world.states, periods, settings).where(each) for each in (~chosen, chosen)
    )
    examples = RetrievalExamples(learned, periods, settings)
    popularity = np.stack([total_popularity(learned, MOVIES)] * (settings.periods + 2), axis=1)
    sizes = tiny_world.sizes(users=USERS, movies=MOVIES)
    model = RetrievalModel(sizes, settings, world.catalogue, popularity, np.ones(MOVIES, np.int32))
    model.compile(optimizer=tf.keras.optimizers.Adam(settings.learning_rate))
    record = fit(
        model,
        examples.training_batches(SEED),
        examples.validation_batches(to_find, SEED),
        settings,
        monitor=MONITOR,
        mode=MODE,
        model_run_dir=str(folder),
    )
    recall = float(max(record["epochs"]["val_recall_at_10"]))
    print(f"{encoder}: recall@10 {recall:.3f} of {world.reachable:.3f} reachable")
    return recall


def test_the_transformer_finds_the_plan(world: PlantedSessions, tmp_path: Path) -> None:
    recall = found(world, "transformer", tmp_path)
    assert recall > 0.7 * world.reachable, (recall, world.reachable)


def test_the_convolution_does_not(world: PlantedSessions, tmp_path: Path) -> None:
    """Or the world would not show what the transformer is for."""
    recall = found(world, "convolution", tmp_path)
    assert recall < 0.4 * world.reachable, (recall, world.reachable)
