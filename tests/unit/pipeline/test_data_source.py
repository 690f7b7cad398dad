"""Which series a local run belongs to, and what a data set is refused for before anything runs."""

import shutil
from pathlib import Path

import pytest

from components.data_gate.accepted import AcceptedData
from local_runner import BAD_INPUT, main
from pipeline.config import PipelineConfig
from pipeline.data_source import find_data, with_source


def data_set(folder: Path, stars: str = "3.5") -> Path:
    folder.mkdir(parents=True)
    (folder / "ratings.csv").write_text(f"userId,movieId,rating,timestamp\n1,1,{stars},9\n")
    (folder / "movies.csv").write_text("movieId,title,genres,year\n1,Film (1990),Drama,1990\n")
    return folder


def series(folder: Path, output: Path, **more: object) -> str:
    config = PipelineConfig(output=str(output), data_dir=str(folder), **more)  # type: ignore[arg-type]
    return with_source(config, find_data(config)).data_series


def test_the_content_decides_and_no_name(tmp_path: Path) -> None:
    first, other = data_set(tmp_path / "数据"), data_set(tmp_path / "电影", "4.0")
    same = Path(shutil.copytree(first, tmp_path / "renamed"))
    found = [series(folder, tmp_path / "out") for folder in (first, other, same)]

    assert found[0] == found[2] != found[1]
    folders = {AcceptedData("accepted", name, "temporal-0.2").folder for name in found}
    assert len(folders) == 2
    assert series(first, tmp_path / "out", data_gate={"series": "nightly"}) == "nightly"


def test_columns_that_are_not_read_are_known(tmp_path: Path) -> None:
    config = PipelineConfig(output=str(tmp_path / "out"), data_dir=str(data_set(tmp_path / "own")))
    assert find_data(config).ignored == {"movies.csv": ("year",)}


@pytest.mark.parametrize("flag", ["--output", "--data-dir"])
def test_an_address_is_refused_and_makes_no_folder(
    flag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main([flag, "gs://bucket/x"]) == BAD_INPUT
    error = capsys.readouterr().err
    assert "gs://bucket/x: the local runner reads and writes on this machine" in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
