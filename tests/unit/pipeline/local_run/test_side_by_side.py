"""Nodes side by side, in processes of their own: a real pipeline whose branches wait for each other."""

import logging
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from contracts import artifacts
from pipeline.local_run.node_run import NodeFailedError
from tests.unit.pipeline.local_run.test_local_dag import Notes

# Importing TFX alone takes longer than the tests that are run after every save may take.
pytestmark = pytest.mark.slow


def test_independent_nodes_run_at_the_same_time_and_what_comes_after_both_later(tmp_path: Path) -> None:
    from pipeline.local_run import local_dag
    from tests.unit.pipeline import two_branches

    notes, records = Notes(), _Records()
    progress = logging.getLogger(artifacts.PROGRESS_LOGGER)
    progress.addHandler(records)
    progress.setLevel(logging.DEBUG)
    try:
        # One after the other, the branches would wait for ever.
        finished = local_dag.run(two_branches.create(tmp_path), notes, jobs=2)
    finally:
        progress.removeHandler(records)
        progress.setLevel(logging.NOTSET)
    assert set(notes.events[:2]) == {"Left started", "Right started"}
    assert notes.events[-2:] == ["Join started", "Join done"]
    assert sorted(records.nodes) == ["Left", "Right"]

    notes.events.clear()
    again = local_dag.run(two_branches.create(tmp_path), notes, jobs=2)
    assert [node.cached for node in again] == [True, True, True]
    assert sorted(output.uri for node in again for output in node.outputs) == sorted(
        output.uri for node in finished for output in node.outputs
    )


@pytest.mark.parametrize(
    ("ending", "reason"),
    [("raise", "ValueError: cannot train on -3 ratings"), ("kill", "its process was killed or crashed")],
)
def test_a_failure_in_another_process_names_its_node_and_ends_the_run(
    tmp_path: Path, ending: str, reason: str
) -> None:
    from pipeline.local_run import local_dag
    from tests.unit.pipeline import two_branches

    notes = Notes()
    with pytest.raises(NodeFailedError) as error:
        local_dag.run(two_branches.create(tmp_path, ending), notes, jobs=2)
    [failed] = [event for event in notes.events if event.endswith("failed")]
    assert str(error.value).startswith(f"{failed.removesuffix(' failed')}: {reason}")
    assert "Join started" not in notes.events
    # The other branch ends well, and what the failed one has written is removed.
    assert len(error.value.finished) == 1
    assert len(list(tmp_path.rglob("half"))) == 1


class _Report:
    """A node that reports on failures, and notes in which process it ran."""

    node_id, upstream, reports_failure = "Report", frozenset[str](), True

    def __init__(self) -> None:
        self.ran_in: list[object] = []

    def run(self, process: object) -> bool:
        self.ran_in.append(process)
        return True


def test_a_process_that_has_ended_leaves_the_report_to_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.local_run import schedule
    from pipeline.local_run.executor_process import ExecutorProcess

    process = ExecutorProcess()
    assert process.wait()
    process.stop()
    monkeypatch.setattr(process, "wait", lambda: True)
    report = _Report()
    nodes = schedule._Schedule([report])
    schedule._beside(nodes, process)
    assert report.ran_in == []
    assert nodes.next() is report


_RUN = """
import os, sys, threading
from pathlib import Path
from pipeline.local_run.executor_process import ExecutorProcess

if __name__ == "__main__":
    print(ExecutorProcess()._process.pid, flush=True)
    threading.Event().wait()
"""


def test_the_process_ends_with_the_run_even_by_sigkill(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(_RUN)
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment
    ) as run:
        assert run.stdout is not None
        process = os.pidfd_open(int(run.stdout.readline()))
        run.send_signal(signal.SIGKILL)
    try:
        ended, _, _ = select.select([process], [], [], 60)
        assert ended
    finally:
        os.close(process)


class _Records(logging.Handler):
    """Collects the nodes that report progress."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.nodes.append(getattr(record, "node_id", ""))
