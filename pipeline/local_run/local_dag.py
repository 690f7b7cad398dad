"""Runs a pipeline on this machine with TFX's own LocalDagRunner, and notifies an observer of each node."""

import contextlib
import functools
import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import ml_metadata as mlmd
from tfx.dsl.io import fileio
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import outputs_utils
from tfx.orchestration.portable.mlmd import execution_lib

from pipeline.local_run.artifact_files import abandon_damaged, record_digests
from pipeline.local_run.node_run import NodeFailedError, NodeRun, OutputArtifact, RunObserver
from pipeline.local_run.root_cause import root_cause
from pipeline.local_run.tfx_internals import HookedLauncher, hooked, no_command_line
from pipeline.local_run.unfinished import settle
from reports.reading.run_data import FINAL_STATUS

KILLED: Final = "the run was killed, or the machine stopped, before this node came to its end"
INTERRUPTED: Final = "the run was interrupted before this node came to its end"
# Where TFX itself could not write that.
FAILED: Final = "the node failed; the log of the run has the details"


def node_ids(pipeline: Pipeline) -> list[str]:
    """The ids of the pipeline's nodes in the order in which they run."""
    return [node.id for node in pipeline.components]


def run(pipeline: Pipeline, observer: RunObserver) -> list[NodeRun]:
    """Runs every node of `pipeline`, reusing what ML Metadata holds of earlier runs.

    What a killed run has left half-done is cleared away first. A node runs again if a file that it wrote is
    not as it was. Only one process at a time may run pipelines of the same root.

    After a failure, nodes with the execution property `final_status` still run and find the failure in it, as
    exit handlers do on Kubeflow.

    Args:
      pipeline: has a metadata connection, for example to SQLite.
      observer: is notified of each node's start and end, in this thread.

    Returns:
      The nodes in the order in which they ran.

    Raises:
      NodeFailedError: a node failed, the first one if there are several.
    """
    course = _Course(observer)
    for node_id in settle(pipeline, KILLED):
        observer.note(f"{node_id} was cut short in an earlier run; its unfinished outputs are removed")
    try:
        with _watched(course), no_command_line():
            LocalDagRunner().run(pipeline)
    except BaseException:
        # Ctrl-C and its like, which TFX lets pass.
        with contextlib.suppress(Exception):
            settle(pipeline, INTERRUPTED)
        raise
    if course.failure is not None:
        # If nothing can be written, which may be why it failed, the next run does it.
        with contextlib.suppress(Exception):
            settle(pipeline, FAILED)
        course.failure.finished = course.finished
        raise course.failure
    return course.finished


@dataclass
class _Course:
    """How a run goes: who is notified, what ended well, and the first failure."""

    observer: RunObserver
    finished: list[NodeRun] = field(default_factory=list)
    failure: NodeFailedError | None = None


class _WatchedLauncher(HookedLauncher):
    """A launcher that reports how its node fared and, after a failure, launches only what reports on it."""

    def __init__(
        self, *, course: _Course, pipeline_node: Any, mlmd_connection: metadata.Metadata, **rest: Any
    ) -> None:
        self._course = course
        self._node_id: str = pipeline_node.node_info.id
        self._connection = mlmd_connection
        self._skipped = False
        if course.failure is not None:
            parameters = pipeline_node.parameters.parameters
            self._skipped = FINAL_STATUS not in parameters
            if not self._skipped:
                status = {"state": "FAILED", "error": {"message": str(course.failure)}}
                parameters[FINAL_STATUS].field_value.string_value = json.dumps(status)
        super().__init__(pipeline_node=pipeline_node, mlmd_connection=mlmd_connection, **rest)

    def launch(self) -> Any:
        if self._skipped:
            return None
        observer = self._course.observer
        observer.node_started(self._node_id)
        started = time.monotonic()
        try:
            execution_info = super().launch()
            cached, outputs = _read_execution(self._connection, execution_info, self._node_id)
        except Exception as error:
            observer.node_failed(self._node_id)
            logging.exception("%s failed", self._node_id)
            self._fail(error)
            return None
        node = NodeRun(self._node_id, cached, time.monotonic() - started, outputs)
        self._course.finished.append(node)
        observer.node_finished(node)
        return execution_info

    def before_executor(self, outputs: Mapping[str, Sequence[Any]]) -> None:
        # Ids start anew with a new metadata store, and folders of an old one may still be there.
        there = {
            channel: [each for each in found if fileio.exists(each.uri)] for channel, found in outputs.items()
        }
        outputs_utils.remove_output_dirs(there)

    def before_publication(self, artifacts: Iterable[Any]) -> None:
        for artifact in artifacts:
            record_digests(artifact)

    def _fail(self, error: Exception) -> None:
        if self._course.failure is not None:
            return
        if isinstance(error, NodeFailedError):
            self._course.failure = error
        else:
            self._course.failure = NodeFailedError(self._node_id, root_cause(error))
            self._course.failure.__cause__ = error


def _watched(course: _Course) -> contextlib.AbstractContextManager[None]:
    def before_cache(handle: metadata.Metadata, cache_context: Any) -> None:
        for problem in abandon_damaged(handle, cache_context):
            course.observer.note(f"{problem}; what it belongs to is made again")

    return hooked(functools.partial(_WatchedLauncher, course=course), before_cache)


def _read_execution(
    connection: metadata.Metadata, execution_info: Any, node_id: str
) -> tuple[bool, list[OutputArtifact]]:
    """Reads from ML Metadata how an execution ended and its outputs.

    The launcher's own answer does not do: it returns in peace when a node's inputs cannot be resolved,
    and for a cached node it names the folders that a new execution would have used.
    """
    if execution_info is None or not execution_info.execution_id:
        raise NodeFailedError(node_id, "did not run, because an input of it is not there")
    with connection as handle:
        [execution] = handle.store.get_executions_by_id([execution_info.execution_id])
        outputs = execution_lib.get_output_artifacts(handle, execution.id)
    if execution.last_known_state not in (
        mlmd.proto.Execution.COMPLETE,
        mlmd.proto.Execution.CACHED,
    ):
        result = execution_lib.get_execution_result(execution, ignore_parse_errors=True)
        message = result.result_message if result else "failed without a message"
        raise NodeFailedError(node_id, root_cause(RuntimeError(message)))
    cached = execution.last_known_state == mlmd.proto.Execution.CACHED
    return cached, [
        OutputArtifact(channel, artifact.type_name, artifact.uri, _properties(artifact.mlmd_artifact))
        for channel, artifacts in outputs.items()
        for artifact in artifacts
    ]


def _properties(artifact: Any) -> dict[str, str | int | float]:
    values = {}
    for properties in (artifact.properties, artifact.custom_properties):
        for name, value in properties.items():
            kind = value.WhichOneof("value")
            if kind in ("int_value", "double_value", "string_value"):
                values[name] = getattr(value, kind)
    return values
