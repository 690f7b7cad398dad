"""What a training run of the retrieval model exports."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import tensorflow as tf

from contracts import artifacts, features, signatures
from tests.unit.trainer_module.tiny_world import MOVIES
from trainer_module.retrieval.run_fn import run_fn


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [{}, {"examples": "held_out", "loss": "weighted_squared", "validation": "random", "refit": True}],
)
def test_a_training_run_exports_the_whole_catalogue(
    tmp_path: Path, trainer_args: Callable[..., SimpleNamespace], settings: dict[str, object]
) -> None:
    run_fn(trainer_args({"epochs": 2, "validation_share": 0.25, "embedding_dim": 4, **settings}))
    answer = tf.saved_model.load(str(tmp_path / "model")).signatures[signatures.SERVING_DEFAULT]
    found = answer(user_id=tf.constant(["ann", "nobody"]))
    own, everything = ({id_.decode() for id_ in row} for row in found[features.MOVIE_ID].numpy())
    every_id = {movie["movie_id"] for movie in MOVIES}
    assert own == every_id - {"1", "2"} | {""}
    assert everything == every_id
    assert found[signatures.KNOWN_USER].numpy().tolist() == [True, False]
    assert json.loads((tmp_path / "run" / artifacts.FIT_FILE).read_text())["monitor"] == "val_ndcg_at_10"
    indexes = json.loads((tmp_path / "run" / artifacts.INDEX_FILE).read_text())
    for name in ("candidates", "directions"):
        assert indexes[name]["kind"] == "brute_force"
        assert indexes[name]["reason"] == "fewer than 50,000 movies"
