"""Heavy work in a process of its own, watched from outside: its progress, its peak memory, its log.

The child writes one JSON object a line to standard output; all else that it and its libraries print goes to
its log file.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.peak_memory import PeakMemory
from pipeline.local_run.log_capture import captured_output

EVENT, PROGRESS, RESULT, FAILED = "event", "progress", "result", "failed"

_MEGABYTE: Final = 1_000_000


class StudyError(RuntimeError):
    """A study cannot go on; the message is one line with the reason and what to do."""


class ChildOutcome(NamedTuple):
    """What a child gave.

    Attributes:
      values: as it wrote them.
      peak_megabytes: the most that were resident at once, of the process and its children.
    """

    values: dict[str, Any]
    peak_megabytes: float


OnProgress = Callable[[str], None]


def run_child(module: str, task: dict[str, Any], log: Path, on_progress: OnProgress) -> ChildOutcome:
    """Runs `python -m module` on a task and waits for what comes out.

    Args:
      module: its `main` calls `as_child`.
      task: plain values.
      log: file for all that is printed; its folder is there.
      on_progress: is called with each line of progress.

    Raises:
      StudyError: the child failed; the message is the child's own, and names the log.
    """
    command = [sys.executable, "-m", module, json.dumps(task), str(log)]
    values: dict[str, Any] | None = None
    problem = ""
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process,
        PeakMemory(process.pid) as memory,
    ):
        try:
            assert process.stdout is not None
            for line in process.stdout:
                event = json.loads(line)
                if event[EVENT] == PROGRESS:
                    on_progress(event[PROGRESS])
                elif event[EVENT] == RESULT:
                    values = event[RESULT]
                else:
                    problem = event[FAILED]
            peak = memory.take_peak()
        except BaseException:
            process.kill()
            raise
    if values is None:
        problem = problem or f"the process ended with status {process.returncode}"
        raise StudyError(f"{problem}; log: {log}")
    return ChildOutcome(values, peak / _MEGABYTE)


def as_child(arguments: list[str], work: Callable[[dict[str, Any], OnProgress], dict[str, Any]]) -> int:
    """Does `work` on the task that `run_child` sent; returns the exit status."""
    task, log = json.loads(arguments[0]), Path(arguments[1])
    with captured_output(log, show=False) as out, _errors_reported(out) as failed:

        def on_progress(line: str) -> None:
            _write(out, PROGRESS, line)

        _write(out, RESULT, work(task, on_progress))
    return 1 if failed else 0


@contextlib.contextmanager
def _errors_reported(out: Any) -> Iterator[list[str]]:
    failed: list[str] = []
    try:
        yield failed
    except Exception as error:
        import logging

        from pipeline.local_run.root_cause import root_cause

        logging.exception("the work failed")
        failed.append(root_cause(error))
        # Whoever started this process may have gone, which is then what failed.
        with contextlib.suppress(BrokenPipeError):
            _write(out, FAILED, failed[0])


def _write(out: Any, event: str, value: Any) -> None:
    print(json.dumps({EVENT: event, event: value}), file=out, flush=True)
