"""The component with TFX's artifacts and SavedModels: what it gives out, refuses, and lets be replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx.dsl.components.base import base_executor
from tfx.types import Artifact, artifact_utils, standard_artifacts

from components.atomic_pusher.manifest import Provenance
from components.atomic_pusher.publishing import Retention
from components.served_model.executor import ServedModelError, ServedModelExecutor
from tests.unit.components.atomic_pusher.one_servable import push

pytestmark = pytest.mark.slow

SERIES = "tiny, leave_last_out"
EXAMPLES = tf.TensorSpec([None], tf.string, name="examples")


class Rater(tf.Module):
    """Rates known users; others fail, get NaN, or get the mean."""

    def __init__(self, rating: float, known: int = 10, unknown: str = "mean") -> None:
        super().__init__()
        self._ratings = tf.Variable([rating] * known)
        self._unknown = unknown

    def save(self, folder: Path, signature: str = "evaluate", output: str = "user_rating") -> Path:
        """Writes the SavedModel."""

        def evaluate(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            spec = {"user_id": tf.io.FixedLenFeature([], tf.string)}
            user = tf.strings.to_number(tf.io.parse_example(examples, spec)["user_id"], tf.int32)
            known = user < tf.size(self._ratings)
            if self._unknown == "fails":
                with tf.control_dependencies([tf.debugging.assert_equal(known, True, "a user is not known")]):
                    user = tf.identity(user)
            rated = tf.gather(self._ratings, tf.where(known, user, 0))
            return {output: tf.where(known, rated, float("nan") if self._unknown == "nan" else 3.0)}

        function = tf.function(evaluate, input_signature=[EXAMPLES], autograph=False)
        tf.saved_model.save(self, str(folder), signatures={signature: function.get_concrete_function()})
        return folder


class Node:
    """Runs the executor as TFX does, over the ratings of thirty users."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.base, self.count = folder, folder / "serving" / "ranking", 0
        self.examples = standard_artifacts.Examples()
        self.examples.uri = str(folder / "examples")
        self.examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
        split = folder / "examples" / "Split-eval"
        split.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(split / "data-0.gz"), "GZIP") as writer:
            for user in range(30):
                example = tf.train.Example()
                example.features.feature["user_id"].bytes_list.value.append(str(user).encode())
                writer.write(example.SerializeToString())
        self.candidate = standard_artifacts.Model()
        self.candidate.uri = str(folder / "candidate")
        Rater(4.0, known=30).save(folder / "candidate" / "Format-Serving")

    def push(self, model: Path) -> int:
        """Pushes a model and returns its version."""
        return push(str(self.base), str(model), Provenance(series=SERIES), Retention(9)).version

    def __call__(self, *replace: str) -> Artifact:
        self.count += 1
        served = standard_artifacts.Model()
        served.uri = str(self.folder / f"served-{self.count}")
        Path(served.uri).mkdir()
        context = base_executor.BaseExecutor.Context(tmp_dir=str(self.folder / "tmp"), unique_id="1")
        ServedModelExecutor(context).Do(
            {"model": [self.candidate], "examples": [self.examples]},
            {"served_model": [served]},
            {
                "base_directory": str(self.base),
                "series": SERIES,
                "replace_unreadable": json.dumps(replace),
                "baseline": "",
            },
        )
        return served


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def properties(artifact: Artifact) -> dict[str, Any]:
    values = artifact.mlmd_artifact.custom_properties
    return {name: value.string_value for name, value in values.items()}


def first_rating(artifact: Artifact) -> float:
    """The rating by the model in the artifact for a user of all models."""
    example = tf.train.Example()
    example.features.feature["user_id"].bytes_list.value.append(b"1")
    loaded = tf.saved_model.load(f"{artifact.uri}/Format-Serving")
    found = loaded.signatures["evaluate"](examples=tf.constant([example.SerializeToString()]))
    return float(found["user_rating"][0])


def test_the_candidate_stands_in_until_something_is_served(node: Node) -> None:
    served = node()
    assert first_rating(served) == 4.0
    written = properties(served)
    assert (written["version"], written["digest"], written["override"]) == ("", "", "")
    assert written["summary"].startswith("nothing was served yet")


def test_the_served_version_is_copied_and_recorded(node: Node, tmp_path: Path) -> None:
    version = node.push(Rater(2.0).save(tmp_path / "older"))
    served = node()
    assert first_rating(served) == 2.0
    written = properties(served)
    assert (written["version"], written["override"]) == (str(version), "")
    assert written["summary"] == f"version {version} was served"
    record = json.loads((Path(served.uri) / "served_model.json").read_text())
    assert record["chosen"]["path"] == str(node.base / str(version))
    assert record["digest"] == written["digest"] == record["chosen"]["digest"]


@pytest.mark.parametrize(
    ("unknown", "signature", "output", "problem"),
    [
        ("fails", "evaluate", "user_rating", r"fails on rows 1 to 30 of today's Examples \(.*not known"),
        ("nan", "evaluate", "user_rating", r"fails on rows 1 to 30 .*\(user_rating is not finite\)"),
        ("mean", "serving_default", "user_rating", "it does not have the signature 'evaluate'"),
        ("mean", "evaluate", "stars", "does not have the output 'movie_id' or 'user_rating'"),
    ],
)
def test_a_version_that_cannot_be_evaluated_is_named(
    node: Node, tmp_path: Path, unknown: str, signature: str, output: str, problem: str
) -> None:
    version = node.push(Rater(2.0, unknown=unknown).save(tmp_path / "older", signature, output))
    with pytest.raises(ServedModelError, match=problem) as raised:
        node()
    assert f"{node.base / str(version)} is what a new model has to be compared with" in str(raised.value)
    assert f"--set evaluation.replace_unreadable=[ranking/{version}]" in str(raised.value)


def test_a_setting_lets_that_version_be_replaced(node: Node, tmp_path: Path) -> None:
    version = node.push(Rater(2.0, unknown="nan").save(tmp_path / "older"))
    # Another version's name helps nothing.
    with pytest.raises(ServedModelError):
        node(f"ranking/{version + 1}")
    replaced = node(f"ranking/{version}")
    assert first_rating(replaced) == 4.0
    written = properties(replaced)
    assert written["version"] == ""
    assert written["override"] == written["summary"]
    assert written["override"].startswith(f"version {version} is not compared with")
    assert "evaluation.replace_unreadable" in written["override"]


def test_a_version_whose_files_have_changed_is_not_trusted(node: Node, tmp_path: Path) -> None:
    version = node.push(Rater(2.0).save(tmp_path / "older"))
    (node.base / str(version) / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(ServedModelError, match=r"saved_model\.pb is not what was pushed"):
        node()


def test_a_version_of_another_pusher_that_does_not_load(node: Node) -> None:
    (node.base / "7").mkdir(parents=True)
    (node.base / "7" / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(ServedModelError, match=r"it cannot be loaded \(.*ranking/7"):
        node()


def test_a_readable_version_is_compared_with_although_a_setting_names_it(node: Node, tmp_path: Path) -> None:
    version = node.push(Rater(2.0).save(tmp_path / "older"))
    served = node(f"ranking/{version}")
    assert (first_rating(served), properties(served)["override"]) == (2.0, "")
