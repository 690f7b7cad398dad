"""A process that runs executors beside the run's own, so that independent nodes run side by side.

Drivers and publishers stay in the process of the run, which alone reads and writes the metadata store.
"""

import importlib
import logging
import multiprocessing
import os
import signal
import sys
import traceback
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from typing import Any, Final

from tfx.orchestration.portable.data_types import ExecutionInfo

from contracts import artifacts
from pipeline.local_run.log_capture import logging_to
from pipeline.local_run.tfx_internals import made_from
from serving.commands.child_process import end_with

# Imports every component, so that the first executor does not have to.
_PIPELINE: Final = "pipeline.pipeline"


class ExecutorProcessError(RuntimeError):
    """An executor failed in another process, with its traceback as the message, or the process ended."""


class ExecutorProcess:
    """Another Python that runs one executor at a time; it ends with this process, however that ends."""

    def __init__(self) -> None:
        """Starts it; it is ready once it has imported TFX."""
        # Not a fork: TensorFlow's threads would be missing in the child.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, os.getpid()), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def ended(self) -> bool:
        """Whether it can no longer run anything."""
        return not self._process.is_alive()

    def wait(self) -> bool:
        """Waits until it is ready, and returns whether it is: it may have been stopped before."""
        try:
            self._connection.recv()
        except (EOFError, OSError):
            return False
        return True

    def run(self, node_id: str, operator: Any, execution_info: ExecutionInfo) -> Any:
        """Runs what `operator.run_executor(execution_info)` would run here; reports its progress here.

        Returns:
          The `ExecutorOutput`.

        Raises:
          ExecutorProcessError: the executor raised, or the process ended.
        """
        progress = logging.getLogger(artifacts.PROGRESS_LOGGER)
        try:
            self._connection.send((*made_from(operator), execution_info.to_proto()))
            while isinstance(answer := self._connection.recv(), logging.LogRecord):
                answer.node_id = node_id
                progress.handle(answer)
        except (EOFError, OSError) as error:
            self.stop()
            raise ExecutorProcessError(
                "its process was killed or crashed; see the end of the log. If the machine ran out of "
                "memory, run one node at a time: --jobs 1"
            ) from error
        if isinstance(answer, str):
            raise ExecutorProcessError(answer)
        return answer

    def stop(self) -> None:
        """Ends it at once."""
        self._process.kill()
        self._process.join()


class _ToTheRun(QueueHandler):
    """Sends the records of progress over the connection, which takes the place of a queue."""

    def enqueue(self, record: logging.LogRecord) -> None:
        self.queue.send(record)  # type: ignore[attr-defined]


def _serve(connection: Connection, parent: int) -> None:
    """Runs one executor after the other, until the run closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the run decides.
    end_with(parent, signal.SIGKILL)
    sys.argv = sys.argv[:1]
    handler = _ToTheRun(connection)  # type: ignore[arg-type]
    progress = logging.getLogger(artifacts.PROGRESS_LOGGER)
    progress.addHandler(handler)
    progress.setLevel(logging.DEBUG)
    with logging_to(os.dup(2)):
        importlib.import_module(_PIPELINE)
        connection.send(None)
        while True:
            try:
                task = connection.recv()
            except EOFError:
                return
            answer = _run(*task)
            # Beam's threads may still report something.
            assert handler.lock is not None
            with handler.lock:
                connection.send(answer)


def _run(operator: type[Any], spec: Any, invocation: Any) -> Any:
    """The output of an executor, or its traceback if it raised."""
    try:
        return operator(spec).run_executor(ExecutionInfo.from_proto(invocation))
    except Exception:
        logging.exception("the executor failed")
        return traceback.format_exc()
