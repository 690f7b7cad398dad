"""Every pushed model in a C program that has TensorFlow's C API and nothing else of this world."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from contracts.signatures import MAX_ROWS
from tests.contract.served_models import ServedModels
from tests.pipeline_run import PipelineRun

pytestmark = pytest.mark.slow
SOURCE = Path(__file__).with_name("call_model.c")
INVALID_ARGUMENT = 3

Program = Callable[..., "subprocess.CompletedProcess[str]"]
# [B] or [B, C].
Texts = Sequence[str] | Sequence[Sequence[str]]


def build(folder: Path) -> Path:
    """Compiles the program with the headers and libraries of the installed TensorFlow."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    libraries = Path(tf.sysconfig.get_lib())
    command = [
        *(compiler, "-std=c11", "-Wall", "-Werror", str(SOURCE), "-o", str(folder / "call_model")),
        f"-I{tf.sysconfig.get_include()}",
        *(f"{libraries}/libtensorflow_{part}.so.2" for part in ("cc", "framework")),
        f"-Wl,-rpath,{libraries}",
    ]
    subprocess.run(command, check=True)
    return folder / "call_model"


def tensor_names(model: Path, signature: str, *aliases: str) -> list[str]:
    """What the graph calls inputs and outputs of a signature."""
    saved = saved_model_pb2.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    definition = saved.meta_graphs[0].signature_def[signature]
    return [{**definition.inputs, **definition.outputs}[alias].name for alias in aliases]


@pytest.fixture(scope="module")
def program(sample_run: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Calls a signature of a pushed model: its outputs, then its inputs of texts."""
    binary = build(tmp_path_factory.mktemp("c_api"))

    def run(
        model: str, signature: str, outputs: Sequence[str], **inputs: Texts
    ) -> "subprocess.CompletedProcess[str]":
        folder = sample_run.model(model)
        command = [str(binary), str(folder), ",".join(tensor_names(folder, signature, *outputs))]
        for name, texts in inputs.items():
            rows, columns = (*np.shape(texts), 0)[:2]
            values = np.ravel(np.array(texts, object)).tolist()
            command += [*tensor_names(folder, signature, name), str(rows), str(columns), *values]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def values(done: "subprocess.CompletedProcess[str]", place: int) -> list[str]:
    """What the program printed of the output at that place."""
    assert done.returncode == 0, done.stderr
    lines = (line.split("\t") for line in done.stdout.splitlines())
    return [value for at, value in lines if int(at) == place]


@pytest.mark.parametrize("model", ["recommender", "retrieval"])
def test_the_same_list_as_from_python(model: str, program: Program, served: ServedModels) -> None:
    users = ["1", "2", "nobody"]
    done = program(model, "serving_default", ["movie_id", "score"], user_id=users)
    expected = served.call(model, "serving_default", user_id=np.array(users, object))
    assert values(done, 0) == expected["movie_id"].ravel().tolist()
    np.testing.assert_allclose(
        [float(text) for text in values(done, 1)], expected["score"].ravel(), rtol=1e-5
    )


def test_the_same_ratings_as_from_python(program: Program, served: ServedModels) -> None:
    asked: dict[str, Texts] = {"user_id": ["1", "nobody"], "movie_id": [["1", "2", "3"], ["3", "2", "none"]]}
    done = program("ranking", "rank", ["user_rating"], **asked)
    expected = served.call(
        "ranking", "rank", **{name: np.array(each, object) for name, each in asked.items()}
    )
    found = [float(text) for text in values(done, 0)]
    np.testing.assert_allclose(found, expected["user_rating"].ravel(), rtol=1e-5)


def test_the_limits_hold_there_too(program: Program) -> None:
    done = program("recommender", "serving_default", ["movie_id"], user_id=["1"] * (MAX_ROWS + 1))
    assert done.returncode == INVALID_ARGUMENT
    assert "user_id" in done.stderr
    assert f"{MAX_ROWS + 1}" in done.stderr
