"""Runs a pipeline on this machine with TFX's own LocalDagRunner, and notifies an observer of each node."""

import contextlib
import functools
import json
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import ml_metadata as mlmd
from tfx.dsl.io import fileio
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import outputs_utils
from tfx.orchestration.portable.mlmd import execution_lib

from contracts import artifacts
from pipeline.local_run.artifact_files import abandon_damaged, record_digests
from pipeline.local_run.executor_process import ExecutorProcess
from pipeline.local_run.node_run import NodeFailedError, NodeRun, OutputArtifact, RunObserver
from pipeline.local_run.root_cause import root_cause
from pipeline.local_run.schedule import run_all
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


def run(pipeline: Pipeline, observer: RunObserver, jobs: int = 1) -> list[NodeRun]:
    """Runs every node of `pipeline`, reusing what ML Metadata holds of earlier runs.

    What a killed run has left half-done is cleared away first. A node runs again if a file that it wrote is
    not as it was. Only one process at a time may run pipelines of the same root.

    After a failure, nodes with the execution property `final_status` still run and find the failure in it, as
    exit handlers do on Kubeflow.

    Args:
      pipeline: has a metadata connection, for example to SQLite.
      observer: is notified of each node's start and end, of one at a time.
      jobs: nodes that run side by side, each further one in a process of its own.

    Returns:
      The nodes in the order in which they ended.

    Raises:
      NodeFailedError: a node failed, the first one if there are several.
    """
    course = _Course(observer)
    for node_id in settle(pipeline, KILLED):
        observer.note(f"{node_id} was cut short in an earlier run; its unfinished outputs are removed")
    try:
        with _watched(course), no_command_line():
            LocalDagRunner().run(pipeline)
            run_all(course.launches, jobs)
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
    """How a run goes: who is notified, what is to run, what ended well, and the first failure.

    Attributes:
      store: is held by whoever reads or writes the metadata store, or notifies the observer.
      here: the node whose executor runs in this process.
    """

    observer: RunObserver
    launches: "list[_WatchedLauncher]" = field(default_factory=list)
    finished: list[NodeRun] = field(default_factory=list)
    failure: NodeFailedError | None = None
    store: threading.Lock = field(default_factory=threading.Lock)
    here: str = ""

    def mark(self, record: logging.LogRecord) -> bool:
        """Marks a record of progress with its node; a filter of the logger."""
        record.node_id = getattr(record, "node_id", self.here)
        return True


class _WatchedLauncher(HookedLauncher):
    """A launcher that waits for its turn, and reports how its node fared."""

    def __init__(
        self, *, course: _Course, pipeline_node: Any, mlmd_connection: metadata.Metadata, **rest: Any
    ) -> None:
        self._course = course
        self._node = pipeline_node
        self._connection = mlmd_connection
        self._process: ExecutorProcess | None = None
        self.node_id: str = pipeline_node.node_info.id
        self.upstream = frozenset(pipeline_node.upstream_nodes)
        self.reports_failure = FINAL_STATUS in pipeline_node.parameters.parameters
        super().__init__(pipeline_node=pipeline_node, mlmd_connection=mlmd_connection, **rest)

    def launch(self) -> None:
        """LocalDagRunner would run one node after the other; the schedule calls `run`."""
        self._course.launches.append(self)

    def run(self, process: ExecutorProcess | None) -> bool:
        course, observer = self._course, self._course.observer
        self._process = process
        with course.store:
            if course.failure is not None:
                status = {"state": "FAILED", "error": {"message": str(course.failure)}}
                parameters = self._node.parameters.parameters
                parameters[FINAL_STATUS].field_value.string_value = json.dumps(status)
            observer.node_started(self.node_id)
            started = time.monotonic()
            try:
                execution_info = super().launch()
                cached, outputs = _read_execution(self._connection, execution_info, self.node_id)
            except Exception as error:
                observer.node_failed(self.node_id)
                logging.exception("%s failed", self.node_id)
                self._fail(error)
                return False
            node = NodeRun(self.node_id, cached, time.monotonic() - started, outputs)
            course.finished.append(node)
            observer.node_finished(node)
            return True

    def execute(self, operator: Any, execution_info: Any) -> Any:
        self._course.store.release()
        try:
            if self._process is not None:
                return self._process.run(self.node_id, operator, execution_info)
            self._course.here = self.node_id
            return super().execute(operator, execution_info)
        finally:
            self._course.store.acquire()

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
            self._course.failure = NodeFailedError(self.node_id, root_cause(error))
            self._course.failure.__cause__ = error


@contextlib.contextmanager
def _watched(course: _Course) -> Iterator[None]:
    def before_cache(handle: metadata.Metadata, cache_context: Any) -> None:
        for problem in abandon_damaged(handle, cache_context):
            course.observer.note(f"{problem}; what it belongs to is made again")

    progress = logging.getLogger(artifacts.PROGRESS_LOGGER)
    progress.addFilter(course.mark)
    try:
        with hooked(functools.partial(_WatchedLauncher, course=course), before_cache):
            yield
    finally:
        progress.removeFilter(course.mark)


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
