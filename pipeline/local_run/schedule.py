"""Which nodes run when: each after its upstream nodes, as many side by side as there are processes."""

import os
import threading
from collections.abc import Sequence
from typing import Final, Protocol

from pipeline.local_run.executor_process import ExecutorProcess

# More are of little use: in most of a run, one or two nodes have all that they need.
_MOST_JOBS: Final = 2
# For each node that runs at a time; the trainers are the largest.
_BYTES_PER_JOB: Final = 4_000_000_000


class Launch(Protocol):
    """A node that is to run.

    Attributes:
      node_id: of the node.
      upstream: the nodes that it runs after.
      reports_failure: whether it runs after another node has failed.
    """

    node_id: str
    upstream: frozenset[str]
    reports_failure: bool

    def run(self, process: ExecutorProcess | None) -> bool:
        """Runs the node, its executor in `process` or in this one; returns whether it ended well."""


def jobs_for_this_machine() -> int:
    """How many nodes run side by side unless the user says so: two, where cores and memory are enough."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(_MOST_JOBS, len(os.sched_getaffinity(0)), memory // _BYTES_PER_JOB))


def run_all(launches: Sequence[Launch], jobs: int) -> None:
    """Runs the nodes, one of them always in this thread, so that Ctrl-C reaches it.

    After a failure only nodes that report on it start, each by itself.
    """
    schedule = _Schedule(launches)
    processes: list[ExecutorProcess] = []
    threads: list[threading.Thread] = []
    try:
        for _ in range(jobs - 1):
            processes.append(ExecutorProcess())
            threads.append(threading.Thread(target=_beside, args=(schedule, processes[-1])))
            threads[-1].start()
        while (launch := schedule.next()) is not None:
            _run(launch, None, schedule)
    finally:
        schedule.stop()
        for process in processes:
            process.stop()
        for thread in threads:
            thread.join()


def _beside(schedule: "_Schedule", process: ExecutorProcess) -> None:
    # Until it is ready, this process is the faster one. After its end, the nodes left are for the others.
    if process.wait():
        while not process.ended and (launch := schedule.next()) is not None:
            _run(launch, process, schedule)


def _run(launch: Launch, process: ExecutorProcess | None, schedule: "_Schedule") -> None:
    ended_well = False
    try:
        ended_well = launch.run(process)
    finally:
        schedule.ended(launch, ended_well)


class _Schedule:
    """The nodes that wait, run and have ended; safe to use from several threads."""

    def __init__(self, launches: Sequence[Launch]) -> None:
        self._waiting = list(launches)
        self._running: set[str] = set()
        self._ended: set[str] = set()
        self._failed = self._stopped = False
        self._changed = threading.Condition()

    def next(self) -> Launch | None:
        """Waits for a node that may run, the first in the order of the pipeline; None once none will."""
        with self._changed:
            while not self._stopped:
                found = next(filter(self._may_run, self._waiting), None)
                if found is not None:
                    self._waiting.remove(found)
                    self._running.add(found.node_id)
                    return found
                if not self._running:
                    return None
                self._changed.wait()
            return None

    def ended(self, launch: Launch, well: bool) -> None:
        """Takes note of a node that has ended."""
        with self._changed:
            self._running.remove(launch.node_id)
            self._ended.add(launch.node_id)
            self._failed |= not well
            self._changed.notify_all()

    def stop(self) -> None:
        """Lets no other node start."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _may_run(self, launch: Launch) -> bool:
        if self._failed:
            return launch.reports_failure and not self._running
        return launch.upstream <= self._ended
