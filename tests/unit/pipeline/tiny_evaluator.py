"""The stock Evaluator over a handful of rows and a SavedModel that answers from a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
from tfx.components.evaluator.executor import Executor
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts
from tfx.utils.proto_utils import proto_to_json

from pipeline.evaluation.eval_config import EXTRACTORS
from schema import RATINGS_SCHEMA

Row = Mapping[str, str | float | Sequence[str]]


class Evaluated(NamedTuple):
    """Where the Evaluator wrote, and whether it blessed the model."""

    uri: str
    blessed: bool


class ByUser(tf.Module):
    """The Evaluator's signature: model and reference each look up `user_id` in a table of their own.

    Users in `cold` do not have a training rating. The catalogue holds ten movies, and one is as
    popular as its id is long.
    """

    def __init__(
        self, output: str, evaluate: Mapping[str, Any], reference: Mapping[str, Any], cold: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self._output = output
        self._cold = tf.constant([user in cold for user in evaluate])
        self._users = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                list(evaluate), list(range(len(evaluate))), tf.string, tf.int32
            ),
            default_value=-1,
        )
        self._tables = [tf.constant([table[user] for user in evaluate]) for table in (evaluate, reference)]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def evaluate(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        user_id = tf.io.parse_example(examples, {"user_id": tf.io.FixedLenFeature([], tf.string)})["user_id"]
        rows = self._users[user_id]
        own, reference = (tf.gather(table, rows) for table in self._tables)
        answer = {
            self._output: own,
            f"reference_{self._output}": reference,
            "cold_user": tf.where(tf.gather(self._cold, rows), "yes", "no"),
            "cold_movie": tf.where(rows < 0, "yes", "no"),
        }
        if self._output == "movie_id":
            answer["catalogue_size"] = tf.fill(tf.shape(rows), 10)
            answer["list_popularity"] = tf.cast(tf.strings.length(own), tf.float32)
            answer["reference_list_popularity"] = tf.cast(tf.strings.length(reference), tf.float32)
        return answer


def lists(ranked: Mapping[str, str], depth: int = 12) -> dict[str, list[str]]:
    """Ranked ids by user from words, `-` for an empty slot, filled up with empty slots."""
    split = {user: [word.replace("-", "") for word in words.split()] for user, words in ranked.items()}
    return {user: ids + [""] * (depth - len(ids)) for user, ids in split.items()}


def run(
    folder: Path,
    rows: Sequence[Row],
    model: tf.Module,
    eval_config: Any,
    with_baseline: bool = True,
    served: tf.Module | None = None,
) -> Evaluated:
    """Runs the Evaluator component's own executor; the candidate stands in for a served version."""
    split = folder / "examples" / "Split-eval"
    split.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(split / "data_tfrecord-00000-of-00001.gz"), "GZIP") as writer:
        for row in rows:
            writer.write(_example(row))
    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = str(split.parent), '["eval"]'
    saved = _saved(folder / "model", model, 1)
    baseline = saved if served is None else _saved(folder / "served", served, 2)
    schema = standard_artifacts.Schema()
    schema.uri = str(folder / "schema")
    (folder / "schema").mkdir()
    (folder / "schema" / "schema.pbtxt").write_text(RATINGS_SCHEMA.read_text("utf-8"), "utf-8")
    evaluation = standard_artifacts.ModelEvaluation()
    evaluation.uri = str(folder / "evaluation")
    blessing = standard_artifacts.ModelBlessing()
    blessing.uri = str(folder / "blessing")
    inputs = {"examples": [examples], "model": [saved], "schema": [schema]}
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"],
        tmp_dir=str(folder / "tmp"),
        unique_id="1",
    )
    Executor(context).Do(
        inputs | ({"baseline_model": [baseline]} if with_baseline else {}),
        {"evaluation": [evaluation], "blessing": [blessing]},
        {"eval_config": proto_to_json(eval_config), "example_splits": '["eval"]', "module_path": EXTRACTORS},
    )
    return Evaluated(evaluation.uri, (folder / "blessing" / "BLESSED").exists())


def _saved(folder: Path, model: tf.Module, artifact_id: int) -> Any:
    saved = standard_artifacts.Model()
    saved.uri, saved.id = str(folder), artifact_id
    tf.saved_model.save(model, str(folder / "Format-Serving"), signatures={"evaluate": model.evaluate})
    return saved


def _example(row: Row) -> bytes:
    # What the schema demands of every row beside what matters here.
    features = {
        "movie_title": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"A title"])),
        "timestamp": tf.train.Feature(int64_list=tf.train.Int64List(value=[881250949])),
    }
    for name, value in row.items():
        if isinstance(value, float):
            features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        else:
            values = [value] if isinstance(value, str) else value
            features[name] = tf.train.Feature(
                bytes_list=tf.train.BytesList(value=[text.encode() for text in values])
            )
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
