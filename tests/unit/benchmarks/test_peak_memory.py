import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from benchmarks.peak_memory import PeakMemory

MEGABYTE = 1_000_000
# Holds as many bytes as in the last line on its standard input.
HOLDER = """
import sys
for line in sys.stdin:
    held = None
    held = b"x" * int(line)
    print("held", flush=True)
"""


class Holder:
    """A process that holds as much memory as it is sent."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def hold(self, size: int) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{size}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "held\n"


class NoticedPeakMemory(PeakMemory):
    """Lets a test wait until the thread has looked."""

    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self._looked = threading.Semaphore(0)

    def sample(self) -> int:
        now = super().sample()
        self._looked.release()
        return now

    def wait_for_a_look(self) -> None:
        while self._looked.acquire(blocking=False):
            pass
        # The first of the two may have begun before this call.
        for _ in range(2):
            assert self._looked.acquire(timeout=30)


@pytest.fixture(params=["the process", "a child of it"])
def holder(request: pytest.FixtureRequest) -> Iterator[Holder]:
    command = [sys.executable, "-c", HOLDER]
    if request.param == "a child of it":
        waiter = "import subprocess, sys; subprocess.run(sys.argv[1:])"
        command = [sys.executable, "-c", waiter, *command]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        holder = Holder(process)
        holder.hold(0)
        yield holder


def test_a_peak_that_is_over_counts_for_the_phase_in_which_it_was(holder: Holder) -> None:
    with NoticedPeakMemory(holder.process.pid) as memory:
        memory.take_peak()
        before = memory.sample()
        holder.hold(200 * MEGABYTE)
        memory.wait_for_a_look()
        holder.hold(0)
        peak = memory.take_peak()
        later_peak = memory.take_peak()

    assert 190 * MEGABYTE < peak - before < 230 * MEGABYTE
    assert later_peak - before < 20 * MEGABYTE


def test_a_process_that_has_ended_has_no_memory() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    assert PeakMemory(process.pid).take_peak() == 0
