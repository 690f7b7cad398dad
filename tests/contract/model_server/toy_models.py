"""Small SavedModels whose answers can be worked out by hand."""

import os
import shutil
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import Message

STARTED = "gate reached"


class Toy(tf.Module):
    """Signatures of every kind. Everything that adds up adds `offset`, which distinguishes versions."""

    def __init__(self, offset: float) -> None:
        super().__init__()
        self.offset = tf.Variable(offset)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def half(self, x: Any) -> dict[str, Any]:
        return {"y": x / 2 + self.offset}

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, "word"), tf.TensorSpec([None], tf.int64, "times")]
    )
    def words(self, word: Any, times: Any) -> dict[str, Any]:
        length = tf.strings.length(word)
        return {"word": word, "length": length, "total": tf.cast(length, tf.int64) * times, "raw_bytes": word}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x"), tf.TensorSpec([], tf.int32, "k")])
    def scaled(self, x: Any, k: Any) -> dict[str, Any]:
        return {"y": x * tf.cast(k, tf.float32)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], dtype, name)
            for name, dtype in (
                ("a", tf.float32),
                ("b", tf.float64),
                ("c", tf.int32),
                ("d", tf.int64),
                ("e", tf.bool),
                ("f", tf.string),
                ("g", tf.uint8),
            )
        ]
    )
    def same(self, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any) -> dict[str, Any]:
        given = {"a": a, "b": b, "c": c, "d": d, "e": e, "f": f, "g": g}
        return {name: tf.identity(tensor) for name, tensor in given.items()}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "rows")])
    def sums(self, rows: Any) -> dict[str, Any]:
        """What a batch was when it got here: its size and width."""
        ones = tf.ones_like(rows[:, 0], tf.int32)
        return {
            "sum": tf.reduce_sum(rows, 1),
            "batch": ones * tf.shape(rows)[0],
            "width": ones * tf.shape(rows)[1],
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def parsed(self, inputs: Any) -> dict[str, Any]:
        return {"outputs": _feature(inputs) * 10 + self.offset}

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.float32, "x"), tf.TensorSpec([], tf.string, "gate")]
    )
    def gated(self, x: Any, gate: Any) -> dict[str, Any]:
        """Shows that it has begun, and answers when a file is there."""
        with tf.control_dependencies([tf.print(STARTED)]):
            (opened,) = tf.while_loop(
                lambda opened: tf.logical_not(opened),
                lambda opened: (tf.size(tf.io.matching_files(gate)) > 0,),
                (tf.constant(False),),
            )
        with tf.control_dependencies([opened]):
            return {"y": x / 2 + self.offset}


def _feature(serialized: Any) -> Any:
    return tf.io.parse_example(serialized, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]


def save_toy(folder: Path, offset: float) -> Path:
    """Saves the model and gives the folder back."""
    toy = Toy(offset)
    signatures = {
        "serving_default": toy.half,
        **{name: getattr(toy, name) for name in ("words", "scaled", "sums", "parsed", "gated")},
        "same": toy.same,
    }
    tf.saved_model.save(toy, str(folder), signatures)
    return folder


def publish(saved: Path, base: Path, version: int, warm_up: list[Message] | None = None) -> Path:
    """Puts a copy of a SavedModel below a base path, all at once.

    Args:
      saved: the model.
      base: the base path.
      version: the version to make of it.
      warm_up: PredictionLogs for its warm-up file.
    """
    base.mkdir(parents=True, exist_ok=True)
    staged = base / f"staged-{version}"
    shutil.copytree(saved, staged)
    if warm_up is not None:
        write_warm_up(staged, warm_up)
    os.rename(staged, base / str(version))
    return base / str(version)


def write_warm_up(version: Path, logs: list[Message]) -> None:
    """Writes a warm-up file."""
    extra = version / "assets.extra"
    extra.mkdir()
    with tf.io.TFRecordWriter(str(extra / "tf_serving_warmup_requests")) as writer:
        for log in logs:
            writer.write(log.SerializeToString())


def retire(base: Path, version: int) -> None:
    """Takes a version away, all at once."""
    gone = base / f"gone-{version}"
    os.rename(base / str(version), gone)
    shutil.rmtree(gone)
