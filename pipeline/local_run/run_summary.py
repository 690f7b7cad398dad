"""What a run left behind: the pushed models, the metrics and the reports, each with its place."""

import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from components.atomic_pusher.versions import served_version
from contracts.artifacts import PUSHED_PREFIX, REFUSAL_REASON
from pipeline.local_run.node_metrics import node_summary
from pipeline.local_run.node_run import NodeRun, OutputArtifact

# The outputs that a person opens, in the order in which they are listed, and what to call them.
_REPORTS: Final = {
    "evaluation": "evaluation",
    "model_run": "TensorBoard",
    "statistics": "statistics",
    "anomalies": "anomalies",
    "gate_result": "data gate",
    "infra_blessing": "model probe",
}


def summary_lines(
    nodes: Sequence[NodeRun],
    measured_on: str,
    pages: Mapping[str, Path | None],
    log_path: Path,
    output: Path,
) -> list[str]:
    """The account at the end of a run; what a reader needs first is last, where the eye is.

    Args:
      nodes: the nodes of the run.
      measured_on: split and data of the metrics, such as `eval split, leave_last_out, ml-100k`.
      pages: the pages about the run, by what they are; None for one that is not there.
      log_path: the log file of the run.
      output: the root folder of the runs.
    """
    # The last model that is evaluated is the one whose lists users get, so it comes first.
    evaluated = [node for node, _ in _outputs_of(nodes, "evaluation")][::-1]
    metrics = [f"  {node.node_id}: {node_summary(node)}" for node in evaluated]
    pushed = [
        f"  {shown(str(output.properties['pushed_destination']))}{_not_served(output)}"
        for _, output in _pushed_models(nodes)
        if output.properties.get("pushed")
    ]
    reports = [f"  {name}: {shown(str(page))}" for name, page in pages.items() if page]
    reports += [
        f"  {label}, {node.node_id}: {shown(output.uri)}"
        for channel, label in _REPORTS.items()
        for node, output in _outputs_of(nodes, channel)
    ]
    lines = []
    for title, entries in (
        ("Reports", reports),
        ("Log", [f"  {shown(str(log_path))}"]),
        ("Verdict", [f"  {_verdict(nodes)}"]),
        (f"Metrics ({measured_on})", metrics),
        ("Pushed models", pushed or ["  none"]),
        ("Next", [f"  {command}" for command in _next_commands(output)]),
    ):
        if entries:
            lines += [title, *entries]
    return lines


def _verdict(nodes: Sequence[NodeRun]) -> str:
    if found := problems(nodes):
        return f"NOT PUSHED: {'; '.join(found)}"
    pushed = [str(output.properties.get("pushed_version")) for _, output in _pushed_models(nodes)]
    versions = " and ".join(dict.fromkeys(pushed))
    return f"passed: every gate let the run through, version {versions} is pushed"


def _next_commands(output: Path) -> Iterator[str]:
    """Read, serve, and go back."""
    python, folder = shown(sys.executable), shown(str(output))
    for words in (
        ["reports", "open", "--output", folder],
        ["serving", "serve", "--models", shown(str(output / "serving"))],
        ["pipeline", "versions", "--output", folder],
    ):
        yield shlex.join([python, "-m", *words])


def problems(nodes: Sequence[NodeRun]) -> list[str]:
    """Why a run whose nodes all ended well still did not bring its models to serving; empty if it did."""
    found = []
    for node, output in _pushed_models(nodes):
        if not output.properties.get("pushed"):
            why = output.properties.get(REFUSAL_REASON, "its model was not blessed (see its evaluator)")
            found.append(f"{node.node_id} pushed nothing, because {why}")
        elif not Path(str(output.properties["pushed_destination"])).is_dir():
            found.append(
                f"{node.node_id} pushed {shown(str(output.properties['pushed_destination']))} in an earlier "
                "run and it is gone since; to push again, remove metadata.sqlite in the output folder"
            )
    # All models of a run are withheld for one reason.
    return list(dict.fromkeys(found))


def _not_served(output: OutputArtifact) -> str:
    """The note if another version is served than the one that the run stands for."""
    folder, _, version = str(output.properties["pushed_destination"]).rpartition("/")
    served = served_version(folder)
    if served is None or str(served) == version:
        return ""
    return f" (version {served} is served; see python -m pipeline versions)"


def _pushed_models(nodes: Iterable[NodeRun]) -> Iterator[tuple[NodeRun, OutputArtifact]]:
    for node in nodes:
        for output in node.outputs:
            if output.channel.startswith(PUSHED_PREFIX):
                yield node, output


def _outputs_of(nodes: Iterable[NodeRun], channel: str) -> Iterator[tuple[NodeRun, OutputArtifact]]:
    for node in nodes:
        for output in node.outputs:
            if output.channel == channel:
                yield node, output


def shown(path: str) -> str:
    """The path from here if it is below the working directory, which is shorter; an address as it is."""
    if "://" in path:
        return path
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative
