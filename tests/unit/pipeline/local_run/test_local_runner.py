"""The entry point: bad input is refused at once, in one sentence, and leaves no trace of a run."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import local_runner

ROOT = Path(__file__).parents[4]


@pytest.fixture
def small_100k(tmp_path: Path) -> Path:
    """A folder in the 100k layout, of invented people."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "u.data").write_text("1\t1\t5\t800000000\n")
    (folder / "u.item").write_text("1|Film (1995)|01-Jan-1995|||" + "|".join("0" * 19) + "\n")
    (folder / "u.user").write_text("1|30|F|writer|12345\n")
    return folder


def _refused(argv: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """Runs `argv` that must be refused, and returns its one line of error."""
    output = tmp_path / "out"
    assert local_runner.main(["--output", str(output), *argv]) == local_runner.BAD_INPUT
    shown = capfd.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert len(shown.err.splitlines()) == 1
    assert not [path for path in output.rglob("*") if path.is_file()]
    return shown.err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--data-dir", "{tmp}/absent"], "absent, named by --data-dir, does not exist"),
        (["--data-dir", "{tmp}/empty"], "{tmp}/empty is empty"),
        (
            ["--data-dir", "{tmp}/photos"],
            "{tmp}/photos, named by --data-dir, does not hold a MovieLens data set",
        ),
        (["--data-dir", "{tmp}/a-file"], "a-file, named by --data-dir, is not a folder"),
        (["--data-dir", "{tmp}/cut"], "{tmp}/cut/u.data is empty"),
        (["--dataset", "ml-7"], "there is no data set 'ml-7': choose one of ml-100k, ml-1m"),
        (["--config", "{tmp}/absent.yaml"], "absent.yaml: cannot be read"),
        (["--config", "{tmp}/a-file"], "a-file: does not hold settings"),
        (
            ["--config", "{tmp}/typo.yaml"],
            "typo.yaml: unknown setting ranking.epoch; did you mean ranking.epochs?",
        ),
        (["--config", "{tmp}/type.yaml"], "type.yaml: seed is 'soon', which should be a valid integer"),
        (["--set", "ranking.epochs=no"], "override 'ranking.epochs=no': ranking.epochs is "),
        (["--preset", "no-such"], "there is no preset 'no-such'; there are best"),
        (
            ["--tune", "everything"],
            "tuning.models.0 is 'everything', which should be ",
        ),
        (["--split", "sideways"], "data.split is 'sideways', which should be 'leave_last_out'"),
        (
            ["--output", "{tmp}/a-file/out"],
            "a-file/out cannot be written (Not a directory); name another folder",
        ),
    ],
)
def test_bad_input_is_refused_before_tfx_is_loaded(
    argv: list[str],
    message: str,
    small_100k: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.delenv("MOVIELENS_DIR", raising=False)
    (tmp_path / "empty").mkdir()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("cat")
    (tmp_path / "a-file").write_text("words")
    (tmp_path / "typo.yaml").write_text("ranking:\n  epoch: 3\n")
    (tmp_path / "type.yaml").write_text("seed: soon\n")
    (small_100k / "u.data").write_text("")
    small_100k.rename(tmp_path / "cut")
    error = _refused([part.format(tmp=tmp_path) for part in argv], tmp_path, capfd)
    assert message.format(tmp=tmp_path) in error


@pytest.mark.parametrize("argv", [["--help"], ["--data-dir", "/absent"], ["--set", "seed=x"]])
def test_answers_without_tensorflow(argv: list[str], tmp_path: Path):
    program = (
        "import sys, local_runner\n"
        "try:\n  status = local_runner.main(sys.argv[1:])\n"
        "except SystemExit as end:\n  status = end.code\n"
        "assert not {'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules)\n"
        "sys.exit(status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *argv, *([] if argv == ["--help"] else ["--output", str(tmp_path)])],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if argv == ["--help"]:
        assert (done.returncode, done.stderr) == (0, "")
        assert "local_runner.py --dataset ml-100k" in done.stdout
    else:
        assert done.returncode == local_runner.BAD_INPUT
        assert "Traceback" not in done.stderr


def test_verbose_shows_where_the_refusal_comes_from(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    status = local_runner.main(
        ["--verbose", "--output", str(tmp_path), "--data-dir", str(tmp_path / "absent")]
    )
    assert status == local_runner.BAD_INPUT
    error = capfd.readouterr().err
    assert "Traceback" in error
    assert error.splitlines()[-1].startswith("error: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_is_known_as_one_whatever_a_library_makes_of_it(number: signal.Signals):
    before = signal.getsignal(number)
    with local_runner._stoppable() as stopped, contextlib.suppress(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    assert stopped == [number]
    assert signal.getsignal(number) == before


@pytest.mark.slow
def test_failed_node_is_reported_in_one_sentence_and_nothing_is_pushed(small_100k: Path, tmp_path: Path):
    (small_100k / "u.data").write_text("1\t1\t5\t800000000\n" + "1\t1\t77\t800000000\n" * 9)
    output = tmp_path / "out"
    command = [sys.executable, "local_runner.py", "--data-dir", str(small_100k), "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == local_runner.FAILED
    lines = done.stderr.splitlines()
    error, log_line, last = lines[0], lines[-2], lines[-1]
    assert error.startswith("error: RatingsGen: ")
    assert "off_scale" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    [log] = (output / "logs").iterdir()
    assert str(log) in log_line
    # The command that resumes, and nothing else.
    assert shlex.split(last)[1:] == command[1:]
    assert "Traceback" in log.read_text()
    assert not (output / "serving").exists()
