"""What a run leaves behind that did not come to its end: one that was killed, or interrupted by Ctrl-C.

TFX marks an execution as failed only where the executor raised an `Exception`. Of a killed one, the metadata
store shows it as running for ever, and its half-written outputs stay where they are.
"""

import shutil
from pathlib import Path
from typing import Any, Final

import grpc
import ml_metadata as mlmd
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.proto.orchestration import execution_result_pb2

# The custom property with the reason why an execution was given up, or why an artifact is not used again.
STOPPED: Final = "stopped"
ABANDONED: Final = "abandoned"

_STATES: Final = (mlmd.proto.Execution.NEW, mlmd.proto.Execution.RUNNING)


def settle(pipeline: Pipeline, reason: str) -> list[str]:
    """Marks what did not end as canceled, and removes what it has written by then.

    Only the process that holds the lock of the output folder may call this: to it, whatever runs is dead.

    Args:
      pipeline: the pipeline, of any run.
      reason: why they did not end, for whoever reads the store or a report.

    Returns:
      The ids of the nodes that had not ended, each once.
    """
    nodes: list[str] = []
    with metadata.Metadata(pipeline.metadata_connection_config) as handle:
        store = handle.store
        context = store.get_context_by_type_and_name("pipeline", pipeline.pipeline_info.pipeline_name)
        if context is None:
            return nodes
        for execution in store.get_executions_by_context(context.id):
            if execution.last_known_state not in _STATES:
                continue
            node = _node_id(store, execution)
            # The files first: whoever is killed between the two finds the execution again.
            _remove_outputs(Path(pipeline.pipeline_info.pipeline_root) / node, execution.id)
            _cancel(store, execution, reason)
            if node not in nodes:
                nodes.append(node)
    return nodes


def _node_id(store: Any, execution: Any) -> str:
    names = [found.name for found in store.get_contexts_by_execution(execution.id) if found.type == "node"]
    # `<pipeline>.<node>`; a process that was killed at once could not record which.
    return str(names[0]).rpartition(".")[2] if names else str(execution.type).rpartition(".")[2]


def _remove_outputs(node_folder: Path, execution_id: int) -> None:
    system = node_folder / ".system"
    for path in (
        *node_folder.glob(f"*/{execution_id}"),
        system / "executor_execution" / str(execution_id),
        *system.glob("stateful_working_dir/*"),
    ):
        if path.is_dir():
            shutil.rmtree(path)


def _cancel(store: Any, execution: Any, reason: str) -> None:
    events = store.get_events_by_execution_ids([execution.id])
    outputs = store.get_artifacts_by_id(
        [event.artifact_id for event in events if event.type == mlmd.proto.Event.PENDING_OUTPUT]
    )
    for artifact in outputs:
        abandon(artifact, reason)
    execution.last_known_state = mlmd.proto.Execution.CANCELED
    execution.custom_properties[STOPPED].string_value = reason
    result = execution_result_pb2.ExecutionResult(
        code=grpc.StatusCode.CANCELLED.value[0], result_message=reason
    )
    execution_lib.set_execution_result(result, execution)
    if outputs:
        store.put_artifacts(outputs)
    store.put_executions([execution])


def abandon(artifact: Any, reason: str) -> None:
    """Sets the state of an ML Metadata artifact so that no cache gives it out again."""
    artifact.state = mlmd.proto.Artifact.ABANDONED
    artifact.custom_properties[ABANDONED].string_value = reason
