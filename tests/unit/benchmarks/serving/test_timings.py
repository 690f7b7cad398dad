"""Latencies of repeated calls."""

import threading

import pytest

from benchmarks.serving.timings import measure


@pytest.mark.parametrize("concurrency", [1, 3])
def test_every_thread_makes_ten_calls_at_least_of_numbers_of_its_own(concurrency: int) -> None:
    numbers: list[int] = []
    timings = measure(numbers.append, concurrency, seconds=0.0)
    # And one each that does not count.
    assert timings.calls == 10 * concurrency
    assert sorted(numbers) == list(range(11 * concurrency))
    assert 0 <= timings.p50 <= timings.p99
    assert timings.per_second > 0


def test_calls_run_at_once() -> None:
    together = threading.Barrier(4)
    # Each call waits for three others, so fewer threads would never end.
    timings = measure(lambda _: together.wait(timeout=30), concurrency=4, seconds=0.0)
    assert timings.calls == 40


@pytest.mark.parametrize("last", [0, 2, 7])
def test_an_error_ends_the_measurement(last: int) -> None:
    def call(number: int) -> None:
        if number >= last:
            raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        measure(call, concurrency=3, seconds=60.0)
