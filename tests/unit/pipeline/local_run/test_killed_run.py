"""The report of a run whose process is gone."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

RUN = """
import sys
from pipeline.local_run.killed_run import KillReporter
with KillReporter(["log: x.log", "python local_runner.py --output 'a b'"]) as reporter:
    for node in sys.argv[1:]:
        reporter.running(node)
    print("all written", flush=True)
    if sys.stdin.read() == "fail":
        raise SystemExit(3)
"""


def _run(*nodes: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", RUN, *nodes]
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_a_killed_process_is_reported_with_its_node_and_the_lines_below(number: signal.Signals) -> None:
    with _run("Transform", "RankingTrainer") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "all written\n"
        process.send_signal(number)
        _, error = process.communicate()

    assert process.returncode == -number
    lines = error.splitlines()[-3:]
    assert lines[0].startswith("error: RankingTrainer: ")
    assert lines[1:] == ["log: x.log", "python local_runner.py --output 'a b'"]


@pytest.mark.parametrize(("text", "status"), [("go on", 0), ("fail", 3)])
def test_a_run_that_ends_by_itself_speaks_for_itself(text: str, status: int) -> None:
    with _run("Transform") as process:
        _, error = process.communicate(text)

    assert (process.returncode, error) == (status, "")
