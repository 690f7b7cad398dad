"""Reads runs from the metadata store in a run's root folder."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from contracts.artifacts import SYNTHETIC_MARKER
from reports.errors import ReportError
from reports.reading import run_settings
from reports.reading.run_data import ABOUT, FINAL_STATUS, Artifact, Node, NodeState, Run, Scalar, failure_text

METADATA_FILE: Final = "metadata.sqlite"
ARTIFACTS_FOLDER: Final = "artifacts"
LATEST: Final = "latest"

# TFX's names: the types of contexts, and the custom property that carries the error of an execution.
_PIPELINE, _RUN, _NODE = "pipeline", "pipeline_run", "node"
_RESULT: Final = "__execution_result__"
_TRACEBACK: Final = "Traceback (most recent call last)"
_BEAM_STEP: Final = re.compile(r"\s*\[while running '.*?'\]")

_STATES: Final = {
    mlmd.Execution.COMPLETE: NodeState.DONE,
    mlmd.Execution.CACHED: NodeState.CACHED,
    mlmd.Execution.FAILED: NodeState.FAILED,
    mlmd.Execution.CANCELED: NodeState.FAILED,
    mlmd.Execution.RUNNING: NodeState.RUNNING,
}


def list_runs(output: Path) -> list[str]:
    """The ids of the runs below `output`, the oldest first.

    Raises:
      ReportError: no run has written there.
    """
    return [context.name for context in _runs(_open(output))]


def load_run(output: Path, run_id: str = LATEST) -> Run:
    """Reads a run with the one that came before it.

    Args:
      output: the root folder of the runs. It may have been moved since.
      run_id: its id, a beginning of it that no other run has, or `latest`.

    Raises:
      ReportError: no run has written there, or there is no such run, or several.
    """
    store = _open(output)
    contexts = _runs(store)
    position = _position([context.name for context in contexts], run_id, output)
    run = _read(store, output, contexts[position])
    earlier = (_read(store, output, context) for context in reversed(contexts[:position]))
    previous = next((found for found in earlier if found.pipeline_name == run.pipeline_name), None)
    return dataclasses.replace(run, previous=previous)


def load_runs(output: Path, most: int) -> list[Run]:
    """Reads the newest runs, the oldest of them first; their `previous` is None.

    Args:
      output: as of `load_run`.
      most: how many.

    Raises:
      ReportError: no run has written there.
    """
    store = _open(output)
    return [_read(store, output, context) for context in _runs(store)[-most:]]


def _open(output: Path) -> metadata_store.MetadataStore:
    path = output / METADATA_FILE
    if not path.is_file():
        raise ReportError(
            f"no run has written to {output} ({path} is not there); name the output folder of a run "
            "with --output, or run local_runner.py first"
        )
    # SQLite undoes what a killed run has left half-written, for which it has to write.
    mode = "rw" if path.with_name(f"{path.name}-journal").exists() else "ro"
    try:
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as found:
            found.execute("select count(*) from Context")
    except sqlite3.Error as error:
        raise ReportError(f"{path}: is not metadata of a run ({error})") from error
    connection = mlmd.ConnectionConfig()
    connection.sqlite.filename_uri = str(path)
    connection.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READONLY
    return metadata_store.MetadataStore(connection)


def _runs(store: metadata_store.MetadataStore) -> list[Any]:
    return sorted(store.get_contexts_by_type(_RUN), key=lambda context: context.id)


def _position(names: Sequence[str], run_id: str, output: Path) -> int:
    if not names:
        raise ReportError(f"{output}: its metadata does not hold a run; run local_runner.py first")
    if run_id == LATEST:
        return len(names) - 1
    if run_id in names:
        return names.index(run_id)
    fitting = [index for index, name in enumerate(names) if name.startswith(run_id)] if run_id else []
    if len(fitting) == 1:
        return fitting[0]
    problem = f"{len(fitting)} runs begin with" if fitting else "there is no run"
    raise ReportError(f"{output}: {problem} {run_id!r}; `python -m reports list` shows the runs")


def _read(store: metadata_store.MetadataStore, output: Path, context: Any) -> Run:
    executions = sorted(store.get_executions_by_context(context.id), key=lambda found: found.id)
    names, pipeline = _node_names(store, executions)
    inputs, outputs = _artifacts(store, output, [found.id for found in executions])
    nodes: dict[str, Node] = {}
    for found in executions:
        if found.id not in names:
            continue
        node_id = names[found.id]
        state = _STATES.get(found.last_known_state, NodeState.RUNNING)
        nodes[node_id] = Node(
            node_id,
            state,
            # One that was cut short is marked as that by the next run, so its duration is unknown.
            seconds=None
            if found.last_known_state == mlmd.Execution.CANCELED
            else (found.last_update_time_since_epoch - found.create_time_since_epoch) / 1000,
            started=found.create_time_since_epoch / 1000,
            error=_error(found) if state is NodeState.FAILED else "",
            properties=_scalars(found.properties, found.custom_properties),
            inputs=inputs.get(found.id, {}),
            # What a node that failed left behind is not a result.
            outputs=outputs.get(found.id, {}) if state in (NodeState.DONE, NodeState.CACHED) else {},
        )
    about = _about(nodes.values())
    for node_id in about.get("nodes", []) or _known_nodes(store, pipeline, nodes.values()):
        nodes.setdefault(node_id, Node(node_id, NodeState.NOT_RUN))
    failure = _failure(nodes.values())
    for node in list(nodes.values()):
        if node.state is NodeState.FAILED and failure.startswith(f"{node.id}: "):
            # TFX keeps the message of an executor that answers with one, and not of one that raises.
            nodes[node.id] = dataclasses.replace(node, error=failure.partition(": ")[2])
        elif node.state is NodeState.RUNNING and ABOUT in node.properties:
            # It builds the report that this run is read for.
            del nodes[node.id]
    run = Run(context.name, pipeline, output, tuple(nodes.values()), "", synthetic=False)
    return _with_data(
        dataclasses.replace(
            run,
            config=about.get("config") or run_settings.settings_of(run),
            planned={node_id: tuple(inputs) for node_id, inputs in about.get("planned", {}).items()},
            versions=_versions(run),
            failure=failure,
        )
    )


def _about(nodes: Iterable[Node]) -> dict[str, Any]:
    """What the node that builds the report was given of the run; empty where the pipeline has none."""
    for node in nodes:
        if ABOUT in node.properties:
            found: dict[str, Any] = json.loads(str(node.properties[ABOUT]))
            return found
    return {}


def _known_nodes(store: metadata_store.MetadataStore, pipeline: str, nodes: Iterable[Node]) -> list[str]:
    """Where a failed run did not record its nodes: the nodes of any run of the pipeline."""
    if not any(node.state is NodeState.FAILED for node in nodes):
        return []
    names = [context.name.rpartition(".") for context in store.get_contexts_by_type(_NODE)]
    return [node_id for owner, _, node_id in names if owner == pipeline]


def _failure(nodes: Iterable[Node]) -> str:
    for node in nodes:
        if failed := failure_text(str(node.properties.get(FINAL_STATUS, ""))):
            return failed
    return next((f"{node.id}: {node.error}" for node in nodes if node.state is NodeState.FAILED), "")


def _node_names(store: metadata_store.MetadataStore, executions: Sequence[Any]) -> tuple[dict[int, str], str]:
    """The node of each execution, by its id, and the name of the pipeline."""
    names, pipeline = {}, ""
    for found in executions:
        for context in store.get_contexts_by_execution(found.id):
            if context.type == _PIPELINE:
                pipeline = context.name
            elif context.type == _NODE:
                names[found.id] = context.name.rpartition(".")[2]
    return names, pipeline


_ByExecution = dict[int, dict[str, tuple[Artifact, ...]]]


def _artifacts(
    store: metadata_store.MetadataStore, output: Path, execution_ids: Sequence[int]
) -> tuple[_ByExecution, _ByExecution]:
    """Inputs and outputs of executions by channel."""
    events = store.get_events_by_execution_ids(execution_ids) if execution_ids else []
    ids = sorted({event.artifact_id for event in events})
    artifacts = {
        found.id: Artifact(
            found.id,
            found.type,
            _where_it_is(found.uri, output),
            _scalars(found.properties, found.custom_properties),
        )
        for found in (store.get_artifacts_by_id(ids) if ids else [])
    }
    inputs: dict[int, dict[str, list[Artifact]]] = defaultdict(lambda: defaultdict(list))
    outputs: dict[int, dict[str, list[Artifact]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        key = next((step.key for step in event.path.steps if step.HasField("key")), "")
        side = {mlmd.Event.INPUT: inputs, mlmd.Event.OUTPUT: outputs}.get(event.type)
        if side is not None and event.artifact_id in artifacts:
            side[event.execution_id][key].append(artifacts[event.artifact_id])
    return _frozen(inputs), _frozen(outputs)


def _frozen(found: Mapping[int, Mapping[str, list[Artifact]]]) -> _ByExecution:
    return {
        execution: {channel: tuple(artifacts) for channel, artifacts in channels.items()}
        for execution, channels in found.items()
    }


def _where_it_is(uri: str, output: Path) -> str:
    """The uri, or the same place below `output` where the whole folder was moved or copied."""
    if Path(uri).exists():
        return uri
    _, found, below = uri.rpartition(f"/{ARTIFACTS_FOLDER}/")
    moved = output / ARTIFACTS_FOLDER / below
    return str(moved) if found and moved.exists() else uri


def _with_data(run: Run) -> Run:
    """The run with the name of its data."""
    folder = run_settings.data_folder(run)
    if folder is None:
        return dataclasses.replace(run, data_name="unknown data")
    # The sample is below the output folder and moves with it.
    moved = run.output / folder.name
    place = folder if folder.is_dir() or not moved.is_dir() else moved
    synthetic = (place / SYNTHETIC_MARKER).exists()
    name = "synthetic sample" if synthetic else place.resolve().name
    return dataclasses.replace(run, data_name=name, synthetic=synthetic)


def _versions(run: Run) -> dict[str, str]:
    """The version of TFX that wrote the artifacts: the one that the store remembers."""
    found = {
        str(artifact.properties["tfx_version"])
        for node in run.nodes
        for artifacts in node.outputs.values()
        for artifact in artifacts
        if "tfx_version" in artifact.properties
    }
    return {"TFX": ", ".join(sorted(found))} if found else {}


def _scalars(*fields: Mapping[str, Any]) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    for field in fields:
        for name, value in field.items():
            kind = value.WhichOneof("value")
            if kind in ("int_value", "double_value", "string_value"):
                values[name] = getattr(value, kind)
    return values


def _error(execution: Any) -> str:
    """The sentence that the failure ended in: the last line, where the message is a traceback."""
    text = execution.custom_properties[_RESULT].string_value if _RESULT in execution.custom_properties else ""
    try:
        message = str(json.loads(text).get("resultMessage", "")).strip()
    except (ValueError, AttributeError):
        message = ""
    if _TRACEBACK in message:
        message = message.splitlines()[-1]
    return _BEAM_STEP.sub("", message) or "failed without a message"
