"""The outcome of a node of a run; free of TFX, so that whoever shows it does not need TFX either."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class OutputArtifact:
    """An artifact that a node gave out.

    Attributes:
      channel: the output's name, for example `pushed_model`.
      type_name: the artifact's type in ML Metadata, for example `PushedModel`.
      uri: the artifact's folder.
      properties: its properties and custom properties that are texts or numbers.
    """

    channel: str
    type_name: str
    uri: str
    properties: Mapping[str, str | int | float]


@dataclass(frozen=True)
class NodeRun:
    """A node that ended well: `cached` if an earlier run's outputs were reused; `seconds` of wall time."""

    node_id: str
    cached: bool
    seconds: float
    outputs: Sequence[OutputArtifact]


class NodeFailedError(RuntimeError):
    """A node failed. `__cause__` is what it raised, if it raised.

    Attributes:
      node_id: the node.
      finished: the nodes of the run that ended well, those that ran to report on the failure included.
    """

    def __init__(self, node_id: str, message: str) -> None:
        """The node and, in one sentence, what went wrong."""
        super().__init__(f"{node_id}: {message}")
        self.node_id = node_id
        self.finished: Sequence[NodeRun] = ()


class RunObserver(Protocol):
    """Is notified of the progress of a run, node by node."""

    def node_started(self, node_id: str) -> None:
        """The node is about to run or to be found in the cache."""

    def node_finished(self, node: NodeRun) -> None:
        """The node ended well."""

    def node_failed(self, node_id: str) -> None:
        """The node failed; only nodes that report on failures run after it."""

    def note(self, message: str) -> None:
        """A message for the user: half-done outputs removed, a changed file found."""
