"""Request batching: concurrent requests of one signature become one run of the graph."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import grpc
from tensorflow.core.protobuf import meta_graph_pb2

from serving.model_server.batching.batches import BatchTask, Feeds, count_rows, fit_together, join, take_apart
from serving.model_server.config.text_protos import BatchingParameters
from serving.model_server.errors import ModelServerError, error_from, invalid_argument
from serving.model_server.models.saved_model import SavedModel
from serving.model_server.models.tensors import Array


class _Batch:
    """Requests that will run together."""

    def __init__(self, first: BatchTask) -> None:
        self.tasks = [first]
        self.rows = first.rows

    def add(self, task: BatchTask) -> None:
        self.tasks.append(task)
        self.rows += task.rows


class _Queue:
    """The batches of one signature of one version. The last one is open; the scheduler's lock guards them."""

    def __init__(
        self, parameters: BatchingParameters, process: Callable[[Sequence[BatchTask]], None]
    ) -> None:
        self.parameters = parameters
        self._batches: deque[_Batch] = deque()
        self.process = process

    def add(self, task: BatchTask) -> None:
        if self._batches and self._fits(self._batches[-1], task):
            self._batches[-1].add(task)
        elif len(self._batches) < self.parameters.max_enqueued_batches:
            self._batches.append(_Batch(task))
        else:
            raise ModelServerError(
                grpc.StatusCode.UNAVAILABLE,
                "The batch scheduling queue to which this task was submitted is full",
            )

    def due(self) -> float | None:
        """When the first batch may run, by the monotonic clock, or None if there is none."""
        if not self._batches:
            return None
        first = self._batches[0]
        if len(self._batches) > 1 or first.rows >= self.parameters.max_batch_size:
            return 0.0
        return first.tasks[0].enqueued + self.parameters.batch_timeout_seconds

    def take(self) -> list[BatchTask]:
        return self._batches.popleft().tasks

    def _fits(self, batch: _Batch, task: BatchTask) -> bool:
        return batch.rows + task.rows <= self.parameters.max_batch_size and fit_together(
            batch.tasks[0].feeds, task.feeds, self.parameters.pad_variable_length_inputs
        )


class BatchScheduler:
    """The batch threads of a server."""

    def __init__(self, threads: int) -> None:
        self._changed = threading.Condition()
        self._queues: list[_Queue] = []
        self._closed = False
        for number in range(threads):
            threading.Thread(target=self._work, name=f"batch_{number}", daemon=True).start()

    def add_queue(
        self, parameters: BatchingParameters, process: Callable[[Sequence[BatchTask]], None]
    ) -> _Queue:
        """A queue whose batches are handed to a function."""
        queue = _Queue(parameters, process)
        with self._changed:
            self._queues.append(queue)
        return queue

    def remove_queue(self, queue: _Queue) -> None:
        """Forgets a queue that is empty."""
        with self._changed:
            self._queues.remove(queue)

    def submit(self, queue: _Queue, task: BatchTask) -> None:
        """Adds a request to the open batch of a queue, or opens another one.

        Raises:
          ModelServerError: the request is larger than a batch, or the queue is full.
        """
        largest = queue.parameters.max_batch_size
        if task.rows > largest:
            raise invalid_argument(f"Task size {task.rows} is larger than maximum input batch size {largest}")
        with self._changed:
            queue.add(task)
            self._changed.notify()

    def close(self) -> None:
        """Ends the threads, once they have done what they are doing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                queue = self._next()
                if queue is None:
                    return
                tasks = queue.take()
                # Another thread runs the batches that are due while this one computes.
                self._changed.notify()
            queue.process(tasks)

    def _next(self) -> _Queue | None:
        """Waits for the queue whose batch is due first. None when the scheduler is closed."""
        while not self._closed:
            waiting = [(due, queue) for queue in self._queues if (due := queue.due()) is not None]
            if not waiting:
                self._changed.wait()
                continue
            due, queue = min(waiting, key=lambda each: each[0])
            seconds = due - time.monotonic()
            if seconds <= 0:
                return queue
            self._changed.wait(seconds)
        return None


class BatchedModel:
    """A SavedModel whose requests are batched.

    Attributes:
      signatures: every signature, by name.
    """

    def __init__(
        self,
        model: SavedModel,
        scheduler: BatchScheduler,
        parameters: BatchingParameters,
        count: Callable[[int, list[float]], None],
    ) -> None:
        """Wraps a model.

        Args:
          model: the model.
          scheduler: whose threads run it.
          parameters: of its batches.
          count: gets the rows of each batch and how long its requests waited, in seconds.
        """
        self._model = model
        self._scheduler = scheduler
        self._parameters = parameters
        self._count = count
        self.signatures: Mapping[str, meta_graph_pb2.SignatureDef] = model.signatures
        self._queues = {name: self._queue(name) for name in model.signatures}

    def run(self, signature: str, feeds: Feeds, outputs: Sequence[str]) -> list[Array]:
        """Computes the outputs of a signature, together with other requests.

        A request for some of the outputs runs by itself, as in TensorFlow Serving.

        Raises:
          ModelServerError: the inputs are wrong, there are too many requests, or the model failed.
        """
        if sorted(outputs) != sorted(self.signatures[signature].outputs):
            return self._model.run(signature, feeds, outputs)
        self._model.check_types(signature, feeds)
        rows = count_rows(feeds)
        if rows == 0:
            return self._model.run(signature, feeds, outputs)
        task = BatchTask(feeds, rows, time.monotonic())
        self._scheduler.submit(self._queues[signature], task)
        values = dict(zip(sorted(outputs), task.answer.result(), strict=True))
        return [values[name] for name in outputs]

    def close(self) -> None:
        """Frees the memory. No call may be running."""
        for queue in self._queues.values():
            self._scheduler.remove_queue(queue)
        self._model.close()

    def _queue(self, signature: str) -> _Queue:
        return self._scheduler.add_queue(self._parameters, lambda tasks: self._process(signature, tasks))

    def _process(self, signature: str, tasks: Sequence[BatchTask]) -> None:
        """Runs a batch. Whatever happens, each of its requests gets an answer."""
        started = time.monotonic()
        try:
            rows, answers = self._run_together(signature, tasks)
        except Exception as problem:
            if len(tasks) == 1:
                tasks[0].answer.set_exception(error_from(problem))
                return
            # One of the requests is bad, and the others should not have to do with it.
            for task in tasks:
                self._process(signature, [task])
            return
        for task, answer in zip(tasks, answers, strict=True):
            task.answer.set_result(answer)
        self._count(rows, [started - task.enqueued for task in tasks])

    def _run_together(self, signature: str, tasks: Sequence[BatchTask]) -> tuple[int, list[list[Array]]]:
        joined = join(tasks, self._parameters)
        outputs = self._model.run(signature, joined, sorted(self.signatures[signature].outputs))
        rows = len(next(iter(joined.values())))
        return rows, take_apart(outputs, tasks, rows)
