"""SVD++ as it is trained by `run_fn`, saved, loaded and called."""

import glob
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from contracts import artifacts, features, signatures
from tests.transform_run import Transformed
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.tiny_world import ANN, COLD, MOVIES, RATINGS, THURSDAY_AFTERNOON, Row
from trainer_module.common.training_setup import CODE_FINGERPRINT, HISTORY_LENGTH, HYPERPARAMETERS, SEED
from trainer_module.ranking.run_fn import run_fn

pytestmark = pytest.mark.slow

IDS = [str(movie["movie_id"]) for movie in MOVIES]


@dataclass(frozen=True)
class Served:
    """Signatures as functions to arrays, what they belong to, and what the fit left."""

    loaded: Any
    fit: dict[str, Any]
    cross_weights: dict[str, Any]

    def examples(self, rows: Sequence[Row], signature: str = signatures.SERVING_DEFAULT) -> np.ndarray:
        serialized = tf.constant([tiny_world.example(row) for row in rows], tf.string, [len(rows)])
        return np.asarray(self.loaded.signatures[signature](examples=serialized)[features.USER_RATING])

    def rank(self, users: list[str], movies: list[list[str]]) -> np.ndarray:
        columns = len(movies[0]) if movies else 0
        answer = self.loaded.signatures[signatures.RANK](
            user_id=tf.constant(users, tf.string, [len(users)]),
            movie_id=tf.constant(movies, tf.string, [len(users), columns]),
        )
        return np.asarray(answer[features.USER_RATING])


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, transformed: Transformed, movie_files: list[str]
) -> Served:
    """Two seeds fitted on everybody's ratings but ann's, whose ratings are the eval split."""
    folder = tmp_path_factory.mktemp("svdpp")
    run_fn(
        SimpleNamespace(
            train_files=[_part(folder / "train.gz", transformed, lambda user: user != "ann")],
            eval_files=[_part(folder / "eval.gz", transformed, lambda user: user == "ann")],
            movie_files=movie_files,
            transform_graph_path=transformed.path,
            serving_model_dir=str(folder / "model"),
            model_run_dir=str(folder / "run"),
            hyperparameters=None,
            custom_config={
                HYPERPARAMETERS: {
                    "structure": "svdpp",
                    "epochs": 2,
                    "validation_share": 0.4,
                    "embedding_dim": 4,
                    "learning_rate": 0.05,
                    "refit": True,
                    "ensemble_seeds": 2,
                },
                SEED: 1,
                HISTORY_LENGTH: 2,
                CODE_FINGERPRINT: "",
            },
        )
    )
    return Served(
        tf.saved_model.load(str(folder / "model")),
        json.loads((folder / "run" / artifacts.FIT_FILE).read_text()),
        json.loads((folder / "run" / artifacts.CROSS_WEIGHTS_FILE).read_text()),
    )


def _part(path: Path, transformed: Transformed, wanted: Callable[[str], bool]) -> str:
    """Writes the transformed Examples of some users and returns the file's name."""
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for file in sorted(glob.glob(transformed.files)):
            for record in tf.data.TFRecordDataset(file, compression_type="GZIP").as_numpy_iterator():
                example = tf.train.Example.FromString(record)
                if wanted(example.features.feature[features.USER_ID].bytes_list.value[0].decode()):
                    writer.write(record)
    return str(path)


def test_both_seeds_were_fitted_again_on_all_of_the_train_split(served: Served) -> None:
    assert [refit["seed"] for refit in served.fit["refits"]] == [1, 2]
    assert {len(refit["epochs"]["rmse"]) for refit in served.fit["refits"]} == {served.fit["best_epoch"]}
    assert np.shape(served.cross_weights["layers"]) == (1, 4, 4)


def test_rank_and_raw_examples_agree_as_of_the_latest_rating(served: Served) -> None:
    rows = [{**ANN, **movie, "timestamp": THURSDAY_AFTERNOON + 60} for movie in MOVIES]
    by_example = served.examples(rows)
    assert len(set(by_example.round(4).tolist())) > 3
    np.testing.assert_allclose(served.rank(["ann"], [IDS])[0], by_example, atol=1e-5)


def test_the_evaluator_sees_the_ratings_of_training_alone(served: Served) -> None:
    ann = [row for row in RATINGS if row["user_id"] == "ann"]
    assert np.abs(served.examples(ann, signatures.EVALUATE) - served.examples(ann)).max() > 1e-3
    # Of an unknown user and a movie that nobody rated, there are no ratings.
    nothing = [{"user_id": "nobody", **COLD, "timestamp": THURSDAY_AFTERNOON}]
    np.testing.assert_allclose(
        served.examples(nothing, signatures.EVALUATE), served.examples(nothing), atol=1e-6
    )


def test_unknown_users_get_an_answer_on_the_scale(served: Served) -> None:
    found = served.rank(["nobody", "", "ann"], [["1", "6", "gone", "", "é"]] * 3)
    assert np.isfinite(found).all()
    assert (found >= 1).all()
    assert (found <= 5).all()
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[:, 2:], found[:, 2:3].repeat(3, axis=1))


def test_an_empty_batch_has_an_empty_answer(served: Served) -> None:
    assert served.examples([]).shape == (0,)
    assert served.rank([], []).shape == (0, 0)
    assert served.rank(["ann"], [[]]).shape == (1, 0)
