"""What a run is to the report: a frozen tree of nodes and artifacts, read once and handed to all sections.

`reports.reading.run_store.load_run` reads it from a metadata store. A component that has the artifacts at
hand can put one together itself.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

Scalar = str | int | float

# The output of the node that builds the report.
REPORT: Final = "report"
# Execution properties of that node, both JSON. They hold what no artifact does, so
# whoever reads a run from a metadata store takes them from there.
ABOUT: Final = "about"
"""`{"config": {...}, "nodes": ["RatingsGen", ...], "planned": {"Transform": ["RatingsGen", ...], ...}}`:
settings and plan as in `Run`, and all nodes in their order."""
FINAL_STATUS: Final = "final_status"
"""A Kubeflow `PipelineTaskFinalStatus` if a node failed, "" otherwise; see `failure_text`."""


class NodeState(enum.Enum):
    """How a node ended."""

    DONE = "done"
    CACHED = "cached"
    FAILED = "failed"
    RUNNING = "running"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Artifact:
    """An artifact of the run.

    Attributes:
      id: in ML Metadata; 0 where it is not known.
      type_name: of TFX, such as `Examples`.
      uri: its folder; it may be gone since.
      properties: its properties and custom properties, scalars only.
    """

    id: int
    type_name: str
    uri: str
    properties: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder, as a path on this machine."""
        return Path(self.uri)


Channels = Mapping[str, tuple[Artifact, ...]]


@dataclass(frozen=True)
class Node:
    """A node of the pipeline in one run.

    Attributes:
      id: such as `RatingsGen`.
      state: how it ended.
      seconds: wall time of its execution, None where it did not run.
      started: seconds since 1970, None where it did not run.
      error: the first line of what it failed with, "" if it did not.
      properties: execution properties; texts, JSON among them, as TFX keeps them.
      inputs: artifacts by channel.
      outputs: artifacts by channel.
    """

    id: str
    state: NodeState
    seconds: float | None = None
    started: float | None = None
    error: str = ""
    properties: Mapping[str, Scalar] = field(default_factory=dict)
    inputs: Channels = field(default_factory=dict)
    outputs: Channels = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One run of the pipeline.

    Attributes:
      id: the pipeline run's id in ML Metadata, such as `2026-01-31T12:00:00.000000`.
      pipeline_name: such as `movielens`.
      output: the run's root folder, which holds `metadata.sqlite`.
      nodes: in the order in which they started; those that did not run last.
      data_name: what the data is called: `ml-100k`, or "synthetic sample".
      synthetic: the ratings are made up, so whatever reports on them shows it.
      config: the settings, as nested dictionaries of what YAML can hold; empty where unknown.
      versions: of Python and the libraries behind the run, by name.
      failure: why the run ended early, such as "Transform: no such file"; "" if every node ended well.
      previous: the run before it in the same store, None if it is the first; its own `previous` is None.
      planned: of each node, those that it takes artifacts from by the pipeline's plan; empty where unknown.
    """

    id: str
    pipeline_name: str
    output: Path
    nodes: tuple[Node, ...]
    data_name: str
    synthetic: bool
    config: Mapping[str, object] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""
    previous: Run | None = None
    planned: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def node(self, node_id: str) -> Node | None:
        """The node of that id, None if the run has none."""
        return next((node for node in self.nodes if node.id == node_id), None)

    def artifact(self, node_id: str, channel: str) -> Artifact | None:
        """The one output of a node on a channel.

        None where the node did not run, failed, or its folder is gone: a section then shows that.
        """
        node = self.node(node_id)
        found = node.outputs.get(channel, ()) if node else ()
        return found[0] if found and found[0].folder.is_dir() else None

    def outputs(self, channel: str) -> Iterator[tuple[Node, Artifact]]:
        """Every output on a channel of that name, with its node, in the order of the nodes."""
        for node in self.nodes:
            for artifact in node.outputs.get(channel, ()):
                yield node, artifact


def failure_text(final_status: str) -> str:
    """What a `PipelineTaskFinalStatus` (JSON) holds about a failure; "" if it holds none.

    https://www.kubeflow.org/docs/components/pipelines/user-guides/core-functions/control-flow/#exit-handling-dslexithandler
    """
    status: Mapping[str, Any] = json.loads(final_status) if final_status else {}
    if status.get("state", "SUCCEEDED") == "SUCCEEDED":
        return ""
    message = str(status.get("error", {}).get("message", ""))
    return message or f"the pipeline ended as {status['state']} without a reason"
