"""The section *Run*: what ran, for how long, with which settings, on which data, and the outcome."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from contracts.artifacts import PUSHED_PREFIX, REFUSAL_REASON
from contracts.signatures import SERVABLES
from reports.charts import plots
from reports.reading import run_settings
from reports.reading.run_data import Node, NodeState, Run
from reports.run import lineage
from reports.section import Cell, Chart, Column, Fact, Part, Section, Table
from reports.verdict import Verdict

_SECONDS: Final = Column("seconds", ",.1f", note="Wall time of the node in this run")


def run_section(run: Run) -> Section:
    """What a reader needs first: did it work, on what, with what."""
    failed = [node for node in run.nodes if node.state is NodeState.FAILED]
    return Section(
        id="run",
        title="Run",
        answer=_answer(run, failed),
        verdict=Verdict.FAILED if failed or run.failure else Verdict.PASSED,
        parts=(
            _overview(run),
            _nodes(run),
            _lineage(run),
            _settings(run),
            _data(run),
            _versions(run),
        ),
        metrics={
            "nodes": {
                node.id: {"state": node.state.value, "seconds": node.seconds, "error": node.error}
                for node in run.nodes
            },
            "config": run.config,
            "raw_files": run_settings.raw_files(run),
            "versions": run.versions,
        },
    )


def _answer(run: Run, failed: list[Node]) -> str:
    counts = {state: sum(node.state is state for node in run.nodes) for state in NodeState}
    counted = [f"{count} {state.value}" for state, count in counts.items() if count]
    seconds = [node.seconds for node in run.nodes if node.seconds is not None]
    took = f"; {sum(seconds):,.0f} s in nodes" if seconds else ""
    line = f"{len(run.nodes)} nodes: {', '.join(counted)}{took}."
    if failed:
        names = ", ".join(node.id for node in failed)
        return f"{names} failed, and what needs it did not run. {line}"
    return line


def _overview(run: Run) -> Part:
    started = min((node.started for node in run.nodes if node.started), default=None)
    pushed = [
        f"{servable}: version {artifact.properties.get('pushed_version', 'unknown')}"
        if artifact.properties.get("pushed")
        else f"{servable}: nothing, {artifact.properties.get(REFUSAL_REASON, 'its model was not blessed')}"
        for servable in SERVABLES
        for _, artifact in run.outputs(PUSHED_PREFIX + servable)
    ]
    data = run.config.get("data")
    facts = [
        Fact("Pipeline", run.pipeline_name),
        Fact("Run", run.id),
        Fact("Data", run.data_name),
        Fact("Split", str(data["split"]) if isinstance(data, Mapping) and "split" in data else "unknown"),
        Fact("Started", _time(started)),
        Fact("Pushed", "; ".join(pushed) or "nothing"),
    ]
    if run.previous:
        facts.append(Fact("Run before", run.previous.id))
    return Part(
        "run-overview",
        "Overview",
        text=(f"The run failed: {run.failure}",) if run.failure else (),
        facts=tuple(facts),
    )


def _nodes(run: Run) -> Part:
    worked = [node for node in run.nodes if node.state in (NodeState.DONE, NodeState.FAILED)]
    ran = sorted((node for node in worked if node.seconds is not None), key=lambda node: -(node.seconds or 0))
    rows: list[tuple[Cell, ...]] = [
        (
            node.id,
            Verdict.FAILED if node.state is NodeState.FAILED else node.state.value,
            None if node.state in (NodeState.RUNNING, NodeState.NOT_RUN) else node.seconds,
            ", ".join(node.outputs) or node.error or "nothing",
        )
        for node in run.nodes
    ]
    table = Table(
        "nodes",
        "The nodes of the run, in the order in which they started.",
        (Column("node"), Column("state"), _SECONDS, Column("gave out, or failed with")),
        tuple(rows),
        filterable=True,
        folded=not any(node.state is NodeState.FAILED for node in run.nodes),
    )
    if not ran:
        answer = (
            "How long the nodes took is not known."
            if worked
            else "Every node that was needed is from an earlier run."
        )
        return Part("run-nodes", "Nodes", answer=answer, tables=(table,))
    longest, total = ran[0], sum(node.seconds or 0 for node in ran)
    answer = f"{longest.id} took longest: {longest.seconds:,.1f} s of {total:,.1f} s."
    shown = ran[:12]
    draw = partial(
        plots.bars,
        labels=[node.id for node in shown],
        values=[node.seconds or 0 for node in shown],
        unit="seconds",
        texts=[f"{node.seconds:,.1f}" for node in shown],
    )
    chart = Chart(
        "node-seconds",
        "Where did the time go?",
        answer,
        draw("node-seconds"),
        f"Bar chart of wall seconds by node, longest first. {answer}",
        note="Nodes that did work in this run, failed ones too. A cached node takes too little time to draw. "
        "Where nodes ran side by side, their sum is longer than the run.",
        broad=draw("node-seconds-broad", width=plots.BROAD),
    )
    return Part("run-nodes", "Nodes", answer=answer, charts=(chart,), tables=(table,))


def _lineage(run: Run) -> Part:
    edges = lineage.edges_of(run)
    rows = tuple((node_id, ", ".join(sorted(parents)) or "files") for node_id, parents in edges.items())
    chart = Chart(
        "lineage",
        "What came from what?",
        f"{len(edges)} nodes hand on artifacts over {sum(map(len, edges.values()))} connections.",
        lineage.draw(run, "lineage"),
        "Graph of the run's nodes from the top down with an arrow for each hand-over; the table under it "
        "has the same in words.",
        note="An arrow that a longer way makes plain is left out.",
        wide=True,
        data=Table(
            "lineage-data", "Where each node took its inputs from.", (Column("node"), Column("from")), rows
        ),
    )
    return Part("run-lineage", "Lineage", charts=(chart,))


def _settings(run: Run) -> Part:
    rows = tuple(_flat(run.config))
    return Part(
        "run-settings",
        "Settings",
        tables=(
            Table(
                "settings",
                "Every setting that the nodes of the run had.",
                (Column("setting"), Column("value")),
                rows,
                filterable=True,
                folded=True,
                empty="No node has recorded its settings.",
            ),
        ),
    )


def _data(run: Run) -> Part:
    files = run_settings.raw_files(run)
    gate = run.config.get("data_gate")
    series = gate.get("series") if isinstance(gate, Mapping) else None
    return Part(
        "run-data",
        "Raw files",
        text=() if files else ("No node has read data.",),
        facts=(
            *([Fact("Series of the data", str(series))] if series else []),
            *(Fact(name, value) for name, value in files.items()),
        ),
    )


def _versions(run: Run) -> Part:
    return Part(
        "run-versions",
        "Versions",
        facts=(
            *(Fact(f"{name}, behind the run", value) for name, value in run.versions.items()),
            *(
                Fact(f"{name}, behind this report", value)
                for name, value in run_settings.versions_here().items()
                if name not in run.versions
            ),
        ),
    )


def _flat(config: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value if isinstance(value, str) else json.dumps(value, default=str)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
