"""Small SavedModels with the inputs of the serving contract, and answers that distinguish them."""

from pathlib import Path

import numpy as np
import tensorflow as tf

IDS = tf.TensorSpec([None], tf.string)
LISTS = tf.TensorSpec([None, None], tf.string)
K = tf.TensorSpec([], tf.int32, name="k")


class TinyModel(tf.Module):
    """Answers every request with numbers drawn from a seed."""

    def __init__(self, seed: int, size: int = 8) -> None:
        super().__init__()
        self.weights = tf.Variable(np.random.default_rng(seed).normal(size=size).astype(np.float32))

    def save(self, folder: Path) -> Path:
        """Writes the SavedModel with the signatures of both servables, the Evaluator's and one of its own."""

        def named(spec: tf.TensorSpec, name: str) -> tf.TensorSpec:
            return tf.TensorSpec(spec.shape, spec.dtype, name)

        user, movie, lists = named(IDS, "user_id"), named(IDS, "movie_id"), named(LISTS, "movie_id")
        specs = {
            "serving_default": (self._of_ids, [user]),
            "recommend": (self._recommend, [user, named(LISTS, "exclude_movie_ids"), K]),
            "recommend_from_history": (self._of_lists, [named(LISTS, "history_movie_ids")]),
            "similar_movies": (self._similar, [movie, K]),
            "rank": (self._rank, [user, lists]),
            "of_examples": (self._of_examples, [named(IDS, "examples")]),
            "evaluate": (self._of_examples, [named(IDS, "examples")]),
            "odd": (self._of_ids, [named(IDS, "no_input_of_ours")]),
        }
        signatures = {
            name: tf.function(function, input_signature=signature, autograph=False).get_concrete_function()
            for name, (function, signature) in specs.items()
        }
        tf.saved_model.save(self, str(folder), signatures=signatures)
        return folder

    def _score(self, texts: tf.Tensor) -> tf.Tensor:
        return tf.gather(self.weights, tf.strings.to_hash_bucket_fast(texts, int(self.weights.shape[0])))

    def _of_ids(self, ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"score": self._score(ids)}

    def _recommend(self, ids: tf.Tensor, exclude: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        hidden = tf.reduce_sum(tf.cast(exclude != "", tf.int32), axis=1)
        return {"score": tf.tile(self._score(ids)[:, None], [1, k]), "hidden": hidden}

    def _of_lists(self, lists: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"score": self._score(lists)}

    def _similar(self, ids: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"score": tf.tile(self._score(ids)[:, None], [1, k])}

    def _rank(self, users: tf.Tensor, movies: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"score": self._score(users)[:, None] + self._score(movies)}

    def _of_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        spec = {"user_id": tf.io.FixedLenFeature([], tf.string)}
        return {"score": self._score(tf.io.parse_example(examples, spec)["user_id"])}


def answers(version: Path | str) -> bytes:
    """What a version answers to fixed requests, to the last bit."""
    model = tf.saved_model.load(str(version))
    found = model.signatures["serving_default"](user_id=tf.constant([str(user) for user in range(100)]))
    return bytes(found["score"].numpy().tobytes())


def rating_file(path: Path) -> None:
    """Writes a file of one `ratings` Example."""
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        writer.write(rating("7", "42", ["1", "2"]))


def rating(user: str, movie: str, history: list[str]) -> bytes:
    """A serialized `ratings` Example."""
    example = tf.train.Example()
    for name, texts in (("user_id", [user]), ("movie_id", [movie]), ("history_movie_ids", history)):
        example.features.feature[name].bytes_list.value.extend(text.encode() for text in texts)
    return bytes(example.SerializeToString())
