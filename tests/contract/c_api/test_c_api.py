"""A pushed model in a C program that has TensorFlow's C API and nothing else of this world."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from contracts.signatures import MAX_ROWS
from tests.contract.served_models import ServedModels
from tests.pipeline_run import PipelineRun

pytestmark = pytest.mark.slow
SOURCE = Path(__file__).with_name("list_movies.c")
INVALID_ARGUMENT = 3

Program = Callable[..., "subprocess.CompletedProcess[str]"]


def build(folder: Path) -> Path:
    """Compiles the program with the headers and libraries of the installed TensorFlow."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    libraries = Path(tf.sysconfig.get_lib())
    command = [
        *(compiler, "-std=c11", "-Wall", "-Werror", str(SOURCE), "-o", str(folder / "list_movies")),
        f"-I{tf.sysconfig.get_include()}",
        *(f"{libraries}/libtensorflow_{part}.so.2" for part in ("cc", "framework")),
        f"-Wl,-rpath,{libraries}",
    ]
    subprocess.run(command, check=True)
    return folder / "list_movies"


def tensor_names(model: Path, signature: str, *aliases: str) -> list[str]:
    """What the graph calls inputs and outputs of a signature."""
    saved = saved_model_pb2.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    definition = saved.meta_graphs[0].signature_def[signature]
    return [{**definition.inputs, **definition.outputs}[alias].name for alias in aliases]


@pytest.fixture(scope="module")
def program(sample_run: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> Program:
    binary = build(tmp_path_factory.mktemp("c_api"))
    model = sample_run.model("recommender")
    names = tensor_names(model, "serving_default", "user_id", "movie_id", "score")

    def run(*users: str) -> "subprocess.CompletedProcess[str]":
        command = [str(binary), str(model), *names, *users]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_the_same_list_as_from_python(program: Program, served: ServedModels) -> None:
    users = ["1", "2", "nobody"]
    done = program(*users)
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]

    expected = served.call("recommender", "serving_default", user_id=np.array(users, object))
    movies = expected["movie_id"]
    assert [row[0] for row in rows] == [user for user in users for _ in range(movies.shape[1])]
    assert [row[1] for row in rows] == movies.ravel().tolist()
    np.testing.assert_allclose([float(row[2]) for row in rows], expected["score"].ravel(), rtol=1e-5)


def test_the_limits_hold_there_too(program: Program) -> None:
    done = program(*["1"] * (MAX_ROWS + 1))
    assert done.returncode == INVALID_ARGUMENT
    assert "user_id" in done.stderr
    assert f"{MAX_ROWS + 1}" in done.stderr
