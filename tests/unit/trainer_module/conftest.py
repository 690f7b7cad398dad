"""One real Transform run over the tiny world, shared by all tests of the folder."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.transform_run import Transformed, run_transform
from tests.unit.trainer_module.tiny_world import MOVIES, RATINGS, write
from trainer_module.common.training_setup import CODE_FINGERPRINT, HISTORY_LENGTH, HYPERPARAMETERS, SEED


@pytest.fixture(scope="session")
def transformed(tmp_path_factory: pytest.TempPathFactory) -> Transformed:
    """The tiny world after Transform."""
    return run_transform(tmp_path_factory.mktemp("transformed"), RATINGS)


@pytest.fixture(scope="session")
def movie_files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Raw `movies` Examples of the tiny world, the one that nobody rated among them."""
    return [write(tmp_path_factory.mktemp("movies") / "movies.gz", MOVIES)]


@pytest.fixture
def trainer_args(
    tmp_path: Path, transformed: Transformed, movie_files: list[str]
) -> Callable[..., SimpleNamespace]:
    """Makes the arguments of a `run_fn` on the tiny world from hyperparameters and what a search found."""

    def make(hyperparameters: dict[str, object], tuned: dict[str, object] | None = None) -> SimpleNamespace:
        return SimpleNamespace(
            train_files=[transformed.files],
            eval_files=[write(tmp_path / "eval.gz", [])],
            movie_files=movie_files,
            transform_graph_path=transformed.path,
            serving_model_dir=str(tmp_path / "model"),
            model_run_dir=str(tmp_path / "run"),
            hyperparameters=tuned,
            custom_config={
                HYPERPARAMETERS: hyperparameters,
                SEED: 1,
                HISTORY_LENGTH: 2,
                CODE_FINGERPRINT: "",
            },
        )

    return make
