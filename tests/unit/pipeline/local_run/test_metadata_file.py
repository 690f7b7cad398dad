"""A damaged metadata store is refused in one sentence; a killed run's is not taken for one."""

import sqlite3
from pathlib import Path

import ml_metadata as mlmd
import pytest

import local_runner
from pipeline.config import ConfigError
from pipeline.local_run.metadata_file import check_metadata


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of one run, in a folder with artifacts."""
    path = tmp_path / "metadata.sqlite"
    connection = mlmd.proto.ConnectionConfig()
    connection.sqlite.filename_uri = str(path)
    mlmd.MetadataStore(connection).put_execution_type(mlmd.proto.ExecutionType(name="Trainer"))
    (tmp_path / "artifacts").mkdir()
    return path


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _overwrite(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 8] = b"\x5a" * 4096 * 7
    path.write_bytes(content)


def _another_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as file:
        file.execute("create table notes (text)")


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        _overwrite,
        _another_database,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text(
            "not a database at all, although it is long enough to have a header" * 9
        ),
    ],
)
def test_a_damaged_store_ends_in_one_sentence_with_what_to_do(
    damage, store: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MOVIELENS_DIR", raising=False)
    damage(store)
    before = store.read_bytes()

    status = local_runner.main([f"--output={store.parent}", "--set=sample.ratings=10000"])

    assert status == local_runner.BAD_INPUT
    error = capfd.readouterr().err
    assert error.startswith(f"error: {store}, the metadata store, is damaged (")
    assert "put a backup of it back, or move it away" in error
    assert error.count("\n") == 1
    assert store.read_bytes() == before


def test_a_whole_store_passes(store: Path) -> None:
    check_metadata(store, store.parent / "artifacts")


def test_a_store_is_missing_or_empty_before_the_first_artifact(tmp_path: Path) -> None:
    path = tmp_path / "metadata.sqlite"
    check_metadata(path, tmp_path / "artifacts")
    assert not path.exists()

    path.touch()
    check_metadata(path, tmp_path / "artifacts")

    (tmp_path / "artifacts").mkdir()
    with pytest.raises(ConfigError, match="it is empty"):
        check_metadata(path, tmp_path / "artifacts")
