"""Fixtures that every kind of test shares."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline_run import PROJECT, SMALL_SAMPLE, PipelineRun, run_pipeline
from tests.served_sample import ServedSample, serve_sample

# The name of the fixture that most end-to-end tests use.
SAMPLE_RUN = "sample_run"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps on one worker what shares a run of the pipeline or, through its module, something else.

    A test that says of which group it is stays there.
    """
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue
        shared = SAMPLE_RUN if SAMPLE_RUN in getattr(item, "fixturenames", ()) else str(item.path)
        item.add_marker(pytest.mark.xdist_group(shared))


@pytest.fixture(scope="session")
def ml_100k() -> Path:
    """The folder of the real ML-100k, from MOVIELENS_DIR: that folder itself or one that holds it."""
    named = os.environ.get("MOVIELENS_DIR", "")
    if named:
        for folder in (Path(named), Path(named) / "ml-100k"):
            if (folder / "u.data").is_file():
                return folder
    pytest.skip("needs the real ML-100k: set MOVIELENS_DIR to the folder that holds ml-100k/")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project as it would come out of a clone, which nobody edits while tests run."""
    folder = tmp_path_factory.mktemp("clone")
    known = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(known, cwd=PROJECT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        # Git still lists what is deleted and not committed yet.
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)
    return folder


@pytest.fixture(scope="session", name=SAMPLE_RUN)
def sample_run(project: Path, tmp_path_factory: pytest.TempPathFactory) -> PipelineRun:
    """The first run over a small synthetic sample. Later runs may add to its folder and change nothing."""
    run = run_pipeline(project, tmp_path_factory.mktemp("sample") / "runs", *SMALL_SAMPLE, "--jobs=2")
    assert run.status == 0, run.out + run.err
    return run


@pytest.fixture(scope="session")
def served_sample(
    sample_run: PipelineRun, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedSample]:
    """The pushed models behind a model server of their own, the recommender in two versions with labels."""
    with serve_sample(sample_run, tmp_path_factory.mktemp("served")) as served:
        yield served
