"""One run at a time writes below an output folder, and a killed one does not keep the next away."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import local_runner
from pipeline.local_run.run_lock import LOCK_FILE, OutputInUseError, run_lock

HOLD = """
import sys
from pathlib import Path
from pipeline.local_run.run_lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of `tmp_path`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_run_names_the_first_and_ends(
    holder: subprocess.Popen[str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MOVIELENS_DIR", raising=False)
    status = local_runner.main(["--output", str(tmp_path), "--set=sample.ratings=10000"])

    assert status == local_runner.FAILED
    error = capfd.readouterr().err
    assert error.startswith(f"error: {tmp_path} is in use by the run of process {holder.pid}, started 20")
    assert "name another folder with --output" in error
    assert not (tmp_path / "metadata.sqlite").exists()


def test_the_lock_of_a_killed_run_is_taken_over(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    with pytest.raises(OutputInUseError), run_lock(tmp_path):
        pass
    holder.kill()
    holder.wait()

    with run_lock(tmp_path):
        assert f'"pid": {holder.pid}' not in (tmp_path / LOCK_FILE).read_text()


def test_a_lock_is_free_again_after_its_run(tmp_path: Path) -> None:
    for _ in range(2):
        with run_lock(tmp_path):
            assert (tmp_path / LOCK_FILE).read_text().count("pid") == 1
