"""Runs a pipeline on this machine with TFX's own LocalDagRunner, and tells an observer about each node."""

import contextlib
import functools
import json
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import ml_metadata as mlmd
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher
from tfx.orchestration.portable.mlmd import execution_lib

from pipeline.node_run import NodeFailedError, NodeRun, OutputArtifact, RunObserver
from pipeline.root_cause import root_cause
from reports.run_data import FINAL_STATUS


def node_ids(pipeline: Pipeline) -> list[str]:
    """The ids of the pipeline's nodes in the order in which they run."""
    return [node.id for node in pipeline.components]


def run(pipeline: Pipeline, observer: RunObserver) -> list[NodeRun]:
    """Runs every node of `pipeline`, reusing what ML Metadata knows from earlier runs.

    After a failure, nodes with the execution property `final_status` still run and find the failure in it, as
    exit handlers do on Kubeflow.

    Args:
      pipeline: has a metadata connection, for example to SQLite.
      observer: is told of each node's start and end, in this thread.

    Returns:
      The nodes in the order in which they ran.

    Raises:
      NodeFailedError: a node failed, the first one if there are several.
    """
    course = _Course(observer)
    with _watched(course), _no_command_line():
        LocalDagRunner().run(pipeline)
    if course.failure is not None:
        course.failure.finished = course.finished
        raise course.failure
    return course.finished


@contextlib.contextmanager
def _no_command_line() -> Iterator[None]:
    # TFX hands `sys.argv` to executors and to absl's flags, where our flags would mean something else.
    argv = sys.argv
    sys.argv = argv[:1]
    try:
        yield
    finally:
        sys.argv = argv


@dataclass
class _Course:
    """How a run goes: who is told, what ended well, and the first failure."""

    observer: RunObserver
    finished: list[NodeRun] = field(default_factory=list)
    failure: NodeFailedError | None = None


class _WatchedLauncher(launcher.Launcher):
    """A launcher that tells how its node fared and, after a failure, launches only what reports on it."""

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

    def _fail(self, error: Exception) -> None:
        if self._course.failure is not None:
            return
        if isinstance(error, NodeFailedError):
            self._course.failure = error
        else:
            self._course.failure = NodeFailedError(self._node_id, root_cause(error))
            self._course.failure.__cause__ = error


@contextlib.contextmanager
def _watched(course: _Course) -> Iterator[None]:
    # LocalDagRunner offers no hook. It makes one `launcher.Launcher` a node, by keyword arguments.
    module: Any = launcher
    original = module.Launcher
    module.Launcher = functools.partial(_WatchedLauncher, course=course)
    try:
        yield
    finally:
        module.Launcher = original


def _read_execution(
    connection: metadata.Metadata, execution_info: Any, node_id: str
) -> tuple[bool, list[OutputArtifact]]:
    """Asks ML Metadata how an execution ended and what it gave out.

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
