"""The pushed models, served from a process without us, and what the raw data holds of them."""

import csv
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.served_models import ServedModels
from tests.pipeline_run import SERVABLES, PipelineRun


@pytest.fixture(scope="session")
def served(sample_run: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedModels]:
    command = [
        *(sys.executable, "-I", "-S", str(Path(__file__).with_name("bare_process.py"))),
        sysconfig.get_path("purelib"),
        *(f"{name}={sample_run.model(name)}" for name in SERVABLES),
    ]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with subprocess.Popen(command, cwd=elsewhere, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield ServedModels(process.stdin, process.stdout)
        process.stdin.close()


@pytest.fixture(scope="session")
def raw_folder(sample_run: PipelineRun) -> Path:
    [folder] = sample_run.output.glob("sample-*")
    return folder


@pytest.fixture(scope="session")
def titles(raw_folder: Path) -> dict[str, str]:
    """Titles by movie id, of the whole catalogue."""
    lines = (raw_folder / "u.item").read_text(encoding="latin-1").splitlines()
    return {movie: title.strip() for movie, title in (line.split("|")[:2] for line in lines)}


@pytest.fixture(scope="session")
def rated(raw_folder: Path) -> dict[str, set[str]]:
    """By user: every movie rated, in whichever split the rating is."""
    found: dict[str, set[str]] = {}
    with (raw_folder / "u.data").open() as stream:
        for user, movie, *_ in csv.reader(stream, delimiter="\t"):
            found.setdefault(user, set()).add(movie)
    return found
