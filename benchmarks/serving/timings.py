"""Latencies of a call that several threads repeat."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Timings:
    """What was measured.

    Attributes:
      p50: median latency in milliseconds.
      p99: 99th percentile in milliseconds.
      per_second: calls that ended per second, all threads together.
      calls: number of calls.
    """

    p50: float
    p99: float
    per_second: float
    calls: int


def measure(call: Callable[[int], object], concurrency: int, seconds: float) -> Timings:
    """Repeats a call in so many threads at once; the first call of each thread does not count.

    Args:
      call: gets a number that differs from call to call.
      concurrency: threads.
      seconds: how long to go on; each thread makes ten calls at least.

    Raises:
      Exception: what a call raised.
    """
    latencies: list[list[float]] = [[] for _ in range(concurrency)]
    errors: list[BaseException] = []
    barrier = threading.Barrier(concurrency)

    def work(thread: int) -> None:
        try:
            call(thread)
            barrier.wait()
            number, own = thread, latencies[thread]
            end = time.perf_counter() + seconds
            while not errors and (len(own) < 10 or time.perf_counter() < end):
                number += concurrency
                begun = time.perf_counter()
                call(number)
                own.append(time.perf_counter() - begun)
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(concurrency)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise next(
            (error for error in errors if not isinstance(error, threading.BrokenBarrierError)), errors[0]
        )
    everything = np.concatenate(latencies)
    return Timings(
        p50=float(np.percentile(everything, 50)) * 1e3,
        p99=float(np.percentile(everything, 99)) * 1e3,
        per_second=len(everything) / (time.perf_counter() - begun),
        calls=len(everything),
    )
