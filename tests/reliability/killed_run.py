"""Starts the entry point, and ends it by a signal when the console shows that a certain point is reached."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_metadata as mlmd

from tests.pipeline_run import MODELS

Execution = mlmd.proto.Execution


@dataclass(frozen=True)
class KilledRun:
    """A run that was ended.

    Attributes:
      status: the exit status, negative for a signal.
      out: standard output until then.
      err: standard error, with what the watching process added.
      command: the line that started it, as a shell reads it.
    """

    status: int
    out: str
    err: str
    command: tuple[str, ...]


def run_until(
    project: Path,
    output: Path,
    *flags: str,
    points: tuple[str, ...],
    send: signal.Signals = signal.SIGKILL,
) -> KilledRun:
    """Runs `local_runner.py` and sends it a signal as soon as its output comes to a point.

    Args:
      project: the copy of the project to run.
      output: where the run writes.
      flags: more flags of the runner.
      points: patterns of lines that come one after the other, with others between them.
      send: the signal.
    """
    environment = {name: value for name, value in os.environ.items() if name != "MOVIELENS_DIR"}
    command = (sys.executable, "local_runner.py", f"--output={output}", *flags)
    with subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        seen = []
        ahead = list(points)
        for text in process.stdout:
            seen.append(text)
            if re.search(ahead[0], text):
                ahead.pop(0)
            if not ahead:
                process.send_signal(send)
                break
        out, err = process.communicate()
    seen.append(out)
    assert process.returncode != 0, f"the run ended before {points}: {''.join(seen)}{err}"
    return KilledRun(process.returncode, "".join(seen), err, command)


def states(output: Path) -> dict[str, list[str]]:
    """The states of all executions by node, the oldest first."""
    store = _store(output)
    found: dict[str, list[str]] = {}
    for execution in sorted(store.get_executions(), key=lambda each: each.id):
        [node] = [each for each in store.get_contexts_by_execution(execution.id) if each.type == "node"]
        state = Execution.State.Name(execution.last_known_state)
        found.setdefault(node.name.rpartition(".")[2], []).append(state)
    return found


def unknown_outputs(output: Path) -> list[Path]:
    """Folders of artifacts that no artifact in the metadata store stands for: what killed nodes left."""
    known = {Path(artifact.uri) for artifact in _store(output).get_artifacts()}
    known |= {path.parent for path in known}  # A value is a file in a folder of its own.
    there = (path for path in (output / "artifacts").glob("*/*/*") if path.parent.name != ".system")
    return sorted(path for path in there if path.is_dir() and path not in known)


def metrics(report: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of both models on the eval split, from a run's `report.json`."""
    models = report["sections"]["models"]["metrics"]
    return {
        f"{model} {metric}": measured["value"]
        for model in MODELS
        for metric, measured in models[model]["evaluation"]["metrics"].items()
    }


def _store(output: Path) -> mlmd.MetadataStore:
    connection = mlmd.proto.ConnectionConfig()
    connection.sqlite.filename_uri = str(output / "metadata.sqlite")
    connection.sqlite.connection_mode = mlmd.proto.SqliteMetadataSourceConfig.READONLY
    return mlmd.MetadataStore(connection)
