"""Runs the pipeline as a user does, in a fresh interpreter, and reads the console."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.setting_trees import split_defaults
from tests.measured import python
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters

PROJECT = Path(__file__).resolve().parents[1]
# The two stages, and all that one run publishes.
MODELS = ("ranking", "retrieval")
SERVABLES = (*MODELS, "recommender")

# The common settings of retrieval in place of those of a random split, which learn too little in seconds.
COMMON_RETRIEVAL = tuple(
    f"--set=retrieval.{name}={json.dumps(getattr(RetrievalHyperparameters(), name))}"
    for name in split_defaults("random")["retrieval"]
)
# 10,000 ratings learned in a few seconds. A random split holds out 2,000 of them, enough for both models
# to beat their baselines by a margin that no other machine's rounding takes away.
SMALL_SAMPLE = (
    "--split=random",
    *COMMON_RETRIEVAL,
    "--set=sample.ratings=10000",
    "--set=retrieval.batch_size=128",
    "--set=retrieval.learning_rate=0.003",
    "--set=retrieval.epochs=3",
    "--set=ranking.batch_size=512",
    "--set=ranking.epochs=4",
    # Tests share their machine with others.
    "--set=probe.max_latency_ms=2000",
    "--jobs=1",
)

_NODE = re.compile(r"^ *\d+ of \d+ +[\d:]+  (\w+) +(done|cached|failed) +[\d.]+ s(?:  (.*))?$", re.MULTILINE)


@dataclass(frozen=True)
class PipelineRun:
    """A run that has ended.

    Attributes:
      status: the exit status.
      out: standard output.
      err: standard error.
      output: the folder of everything that it wrote.
      pushed: every version in the serving folder when the run ended, by model.
      page: the newest report when the run ended, "" if there was none.
      report: its metrics.
    """

    status: int
    out: str
    err: str
    output: Path
    pushed: Mapping[str, tuple[Path, ...]]
    page: str
    report: Mapping[str, Any]

    @cached_property
    def states(self) -> dict[str, str]:
        """How each node ended: `done`, `cached` or `failed`, in the order in which they ran."""
        return node_states(self.out)

    @cached_property
    def summaries(self) -> dict[str, str]:
        """Each node's summary."""
        return {node: metric for node, _, metric in _NODE.findall(self.out)}

    @property
    def nodes_run(self) -> set[str]:
        """The nodes that were not taken from the cache."""
        return {node for node, state in self.states.items() if state == "done"}

    def model(self, name: str) -> Path:
        """The folder of the newest version."""
        return self.pushed[name][-1]


def node_states(out: str) -> dict[str, str]:
    """How each node of a run ended: `done`, `cached` or `failed`, by the console."""
    return {node: state for node, state, _ in _NODE.findall(out)}


def run_pipeline(project: Path, output: Path, *flags: str) -> PipelineRun:
    """Runs `local_runner.py` and waits for its end.

    Args:
      project: the copy of the project to run.
      output: where the run writes.
      flags: more flags of the runner.
    """
    environment = {name: value for name, value in os.environ.items() if name != "MOVIELENS_DIR"}
    done = subprocess.run(
        [*python(), "local_runner.py", f"--output={output}", *flags],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    page, metrics = (output / "report" / name for name in ("index.html", "report.json"))
    return PipelineRun(
        done.returncode,
        done.stdout,
        done.stderr,
        output,
        pushed_versions(output),
        page.read_text("utf-8") if page.is_file() else "",
        json.loads(metrics.read_text("utf-8")) if metrics.is_file() else {},
    )


def pushed_versions(output: Path) -> dict[str, tuple[Path, ...]]:
    """The versions of each model below the folder of a run, the oldest first."""
    return {name: tuple(sorted((output / "serving" / name).glob("[0-9]*"))) for name in SERVABLES}
