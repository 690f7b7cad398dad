"""Retrieval training beside the loop of the TensorFlow Recommenders tutorial, in one process, same data.

`python -m benchmarks.training FOLDER SETTINGS` prints one JSON object. FOLDER holds a run up to Transform,
SETTINGS are the retrieval hyperparameters and the seed as JSON.
"""

import json
import logging
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_recommenders as tfrs

from contracts import artifacts, features, signatures
from pipeline.evaluation.ranked_ids import retrieval_by_user, slot_of
from trainer_module.common.training_setup import HISTORY_LENGTH, HYPERPARAMETERS, SEED
from trainer_module.retrieval.run_fn import run_fn

# The settings of https://www.tensorflow.org/recommenders/examples/basic_retrieval.
TUTORIAL_DIM: Final = 32
TUTORIAL_BATCH: Final = 8192
TUTORIAL_RATE: Final = 0.1
TUTORIAL_EPOCHS: Final = 3
RECALL_AT: Final = 10

Strings = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Pairs:
    """Who rated what: user ids and movie ids, [N] each."""

    user: Strings
    movie: Strings


class _Tutorial(tfrs.Model):
    """The tutorial's model. The metrics of its training steps are left out, which makes it faster."""

    def __init__(self, users: Strings, movies: Strings) -> None:
        super().__init__()
        self.users = _tower(users)
        self.movies = _tower(movies)
        self._task = tfrs.tasks.Retrieval()

    def compute_loss(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """The loss of a batch of user and movie ids."""
        return self._task(
            self.users(inputs[features.USER_ID]),
            self.movies(inputs[features.MOVIE_ID]),
            compute_metrics=False,
        )


def _tower(ids: Strings) -> tf.keras.Model:
    lookup = tf.keras.layers.StringLookup(vocabulary=[id_.decode() for id_ in ids], mask_token=None)
    return tf.keras.Sequential([lookup, tf.keras.layers.Embedding(len(ids) + 1, TUTORIAL_DIM)])


class _EpochSeconds(logging.Handler):
    """Notes when each epoch of a fit ended, its validation included."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Notes one end."""
        self.ends.append(time.monotonic())


def tutorial(train: Pairs, evaluation: Pairs, movies: Strings, seed: int) -> dict[str, Any]:
    """Fits the tutorial's model and measures it by id, the movies of training left out."""
    tf.keras.utils.set_random_seed(seed)
    users = np.unique(train.user)
    model = _Tutorial(users, movies)
    model.compile(optimizer=tf.keras.optimizers.Adagrad(TUTORIAL_RATE))
    rows = {features.USER_ID: train.user.astype(str), features.MOVIE_ID: train.movie.astype(str)}
    batches = tf.data.Dataset.from_tensor_slices(rows).shuffle(len(train.user)).batch(TUTORIAL_BATCH).cache()
    clock = _KerasEpochs()
    model.fit(batches, epochs=TUTORIAL_EPOCHS, verbose=0, callbacks=[clock])
    eval_users = np.unique(evaluation.user)
    queries = model.users(tf.constant(eval_users.astype(str))).numpy()
    scores = queries @ model.movies(tf.constant(movies.astype(str))).numpy().T
    seen: dict[bytes, set[bytes]] = {}
    for user, movie in zip(train.user, train.movie, strict=True):
        seen.setdefault(user, set()).add(movie)
    lists = {}
    for user, row in zip(eval_users, scores, strict=True):
        order = [movies[place] for place in np.argsort(-row, kind="stable")]
        lists[user] = [movie for movie in order if movie not in seen.get(user, set())][:RECALL_AT]
    return _result(clock.seconds, len(train.user), lists, evaluation)


class _KerasEpochs(tf.keras.callbacks.Callback):
    """Seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds.append(time.monotonic() - self._started)


def ours(folder: Path, settings: dict[str, Any], train: Pairs, evaluation: Pairs) -> dict[str, Any]:
    """Fits the retrieval model through its `run_fn` and calls the signature that the Evaluator calls."""
    clock = _EpochSeconds()
    progress = logging.getLogger(artifacts.PROGRESS_LOGGER)
    progress.setLevel(logging.INFO)
    progress.addHandler(clock)
    transformed = _artifact(folder, "Transform", "transformed_examples")
    with tempfile.TemporaryDirectory() as scratch:
        os.mkdir(f"{scratch}/run")
        run_fn(
            SimpleNamespace(
                train_files=[f"{transformed}/Split-train/*"],
                eval_files=[f"{transformed}/Split-eval/*"],
                movie_files=[f"{_artifact(folder, 'MoviesGen', 'examples')}/Split-*/*"],
                transform_graph_path=str(_artifact(folder, "Transform", "transform_graph")),
                serving_model_dir=f"{scratch}/model",
                model_run_dir=f"{scratch}/run",
                hyperparameters=None,
                custom_config={
                    HYPERPARAMETERS: settings["retrieval"],
                    SEED: settings["seed"],
                    HISTORY_LENGTH: settings["history_length"],
                },
            )
        )
        evaluate = tf.saved_model.load(f"{scratch}/model").signatures[signatures.EVALUATE]
        eval_users = np.unique(evaluation.user)
        answers = evaluate(examples=tf.constant([_example(user) for user in eval_users]))[features.MOVIE_ID]
    lists = {user: row[:RECALL_AT] for user, row in zip(eval_users, answers.numpy().tolist(), strict=True)}
    # The first one also makes the graph.
    return _result(np.diff(clock.ends).tolist(), len(train.user), lists, evaluation)


def _result(
    seconds: list[float], ratings: int, lists: dict[bytes, list[bytes]], evaluation: Pairs
) -> dict[str, Any]:
    _, user = np.unique(evaluation.user, return_inverse=True)
    slots = np.array(
        [slot_of(movie, lists[user]) for user, movie in zip(evaluation.user, evaluation.movie, strict=True)]
    )
    recall, ndcg = retrieval_by_user(user, slots, [RECALL_AT]).mean(axis=0)[:2]
    epoch = float(np.median(seconds[1:] or seconds))
    return {"epoch_seconds": epoch, "ratings_per_second": ratings / epoch, "recall": recall, "ndcg": ndcg}


def read_pairs(folder: Path, split: str) -> Pairs:
    """The (user, movie) pairs of one split of the `ratings` Examples."""
    spec = {name: tf.io.FixedLenFeature([], tf.string) for name in (features.USER_ID, features.MOVIE_ID)}
    files = tf.io.gfile.glob(f"{_artifact(folder, 'RatingsGen', 'examples')}/Split-{split}/*")
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(8192)
    parts = [tf.io.parse_example(batch, spec) for batch in records]
    return Pairs(
        *(
            np.concatenate([part[name].numpy() for part in parts])
            for name in (features.USER_ID, features.MOVIE_ID)
        )
    )


def _artifact(folder: Path, node: str, output: str) -> Path:
    (found,) = (folder / "artifacts" / node / output).iterdir()
    return found


def _example(user: bytes) -> bytes:
    """A request of `evaluate`; the list is the user's, whatever the movie."""
    values = {features.USER_ID: user, features.MOVIE_ID: b""}
    feature = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value])) for name, value in values.items()
    }
    serialized: bytes = tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
    return serialized


def main(arguments: list[str]) -> int:
    """Measures both and prints what came out."""
    folder, settings = Path(arguments[0]), json.loads(arguments[1])
    train, evaluation = (read_pairs(folder, split) for split in (features.TRAIN_SPLIT, features.EVAL_SPLIT))
    movies = np.array(
        sorted(
            {
                tf.train.Example.FromString(record).features.feature[features.MOVIE_ID].bytes_list.value[0]
                for record in tf.data.TFRecordDataset(
                    tf.io.gfile.glob(f"{_artifact(folder, 'MoviesGen', 'examples')}/Split-*/*"),
                    compression_type="GZIP",
                ).as_numpy_iterator()
            }
        ),
        np.object_,
    )
    result = {
        "tutorial": tutorial(train, evaluation, movies, settings["seed"]),
        "ours": ours(folder, settings, train, evaluation),
    }
    print(json.dumps(result), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
