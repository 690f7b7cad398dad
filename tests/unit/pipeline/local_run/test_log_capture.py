"""Library noise goes to the log file, also when it does not come through Python; the terminal stays ours."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import logging, os, subprocess, sys
from pathlib import Path
from pipeline.local_run.log_capture import captured_output

print("before")
try:
    with captured_output(Path(sys.argv[1]), show=sys.argv[2] == "show") as terminal:
        print("python noise")
        print("python warning", file=sys.stderr)
        os.write(1, b"C++ noise\\n")
        os.write(2, b"C++ warning\\n")
        subprocess.run(["sh", "-c", "echo child noise"], check=True)
        logging.getLogger("some.library").info("a log line")
        from absl import logging as absl_logging
        absl_logging.info("a TFX log line")
        print("ours [bold]", file=terminal)
        raise ValueError("a crash")
except ValueError as error:
    print("after", error)
logging.getLogger("some.library").info("not shown")
print("the end", file=sys.stderr)
"""
FULL = """
import logging
from pathlib import Path
from pipeline.local_run.log_capture import captured_output

with captured_output(Path("/dev/full"), show=False) as terminal:
    logging.getLogger("some.library").warning("a log line")
    print("ours", file=terminal)
print("after")
"""
NOISE = [
    "python noise",
    "python warning",
    "C++ noise",
    "C++ warning",
    "child noise",
    "a log line",
    "a TFX log line",
]


@pytest.mark.parametrize("show", [False, True])
def test_noise_goes_to_the_file_and_output_is_restored_after_a_crash(tmp_path: Path, show: bool):
    log = tmp_path / "run.log"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(log), "show" if show else "hide"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    for noise in NOISE:
        assert (noise in log.read_text()) is True
        assert (noise in done.stdout) is show
    lines = done.stdout.splitlines()
    assert lines[0] == "before"
    assert lines[-1] == "after a crash"
    assert "ours [bold]" in lines
    assert done.stderr == "the end\n"


def test_a_log_on_a_full_disk_does_not_end_the_run():
    command = [sys.executable, "-c", FULL]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[3], check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "ours")
    assert "after" in done.stdout
