"""One run of the pipeline in a fresh process, with seconds and peak memory of each node."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import worker
from benchmarks.peak_memory import PeakMemory
from pipeline.config import PipelineConfig

# What happens before the first node: the interpreter, TensorFlow, TFX and our own modules.
START_UP: Final = "(imports)"


class BenchmarkError(RuntimeError):
    """A run failed, so there is nothing to measure."""


@dataclass(frozen=True)
class NodeCost:
    """What a node cost.

    Attributes:
      node_id: the node, or `START_UP`.
      state: `done` or `cached`.
      seconds: of wall time.
      peak: the most bytes resident while it ran, of the process and its children.
      growth: how far that is above what was resident when it started.
    """

    node_id: str
    state: str
    seconds: float
    peak: int
    growth: int


@dataclass(frozen=True)
class RunCost:
    """What a run cost: its nodes, and the seconds from the start of the process to its end.

    `notes` lists what is wrong with a run whose nodes all ended well, such as a model that was not pushed.
    """

    nodes: list[NodeCost]
    seconds: float
    notes: list[str]

    @property
    def peak(self) -> int:
        """The most bytes that were resident at once."""
        return max(node.peak for node in self.nodes)


# Called with the id of the node that starts, and with the cost of the one that ended.
Progress = Callable[[str, NodeCost | None], None]


def measure(config: PipelineConfig, progress: Progress, last_node: str | None = None) -> RunCost:
    """Runs the pipeline of `config` in a fresh process.

    Args:
      config: names the data and an output folder that is there.
      progress: is called at each node's start and end.
      last_node: the DAG ends with this node; None for the whole of it.

    Raises:
      BenchmarkError: a node failed or the process died; the message names its log file.
    """
    command = [sys.executable, "-m", worker.__name__, config.model_dump_json()]
    log_path = Path(config.output) / worker.LOG_FILE
    started = time.monotonic()
    # Errors before the log file is open, a bad setting for example, come through on standard error.
    with (
        subprocess.Popen(
            [*command, last_node] if last_node else command, stdout=subprocess.PIPE, encoding="utf-8"
        ) as process,
        PeakMemory(process.pid) as memory,
    ):
        try:
            assert process.stdout is not None
            costs = _Costs(started, memory, progress)
            for line in process.stdout:
                costs.take(json.loads(line))
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        ended_by = f"the process ended with status {process.returncode}"
        raise BenchmarkError(f"{'; '.join(costs.messages) or ended_by}; log: {log_path}")
    return RunCost(costs.nodes, time.monotonic() - started, costs.messages)


class _Costs:
    """Combines the output of the worker and of the sampler."""

    def __init__(self, started: float, memory: PeakMemory, progress: Progress) -> None:
        self.nodes: list[NodeCost] = []
        self.messages: list[str] = []
        self._started = started
        self._memory = memory
        self._progress = progress
        self._resident = 0
        progress(START_UP, None)

    def take(self, event: dict[str, Any]) -> None:
        kind = event[worker.EVENT]
        if kind == worker.STARTED:
            peak = self._memory.take_peak()
            if not self.nodes:
                self._add(NodeCost(START_UP, "done", time.monotonic() - self._started, peak, peak))
            self._resident = self._memory.sample()
            self._progress(event[worker.NODE], None)
        elif kind == worker.FINISHED:
            peak = self._memory.take_peak()
            self._add(
                NodeCost(
                    event[worker.NODE],
                    "cached" if event[worker.CACHED] else "done",
                    event[worker.SECONDS],
                    peak,
                    max(0, peak - self._resident),
                )
            )
        else:
            self.messages += event[worker.MESSAGES]

    def _add(self, node: NodeCost) -> None:
        self.nodes.append(node)
        self._progress(node.node_id, node)
