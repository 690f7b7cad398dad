"""What the process of the probe reports while it is asked."""

import logging
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.model_probe.probed_process import ProbedProcess
from contracts.artifacts import PROGRESS_LOGGER

pytestmark = pytest.mark.slow


class Twice(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="number")])
    def twice(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"answer": 2 * number}


def test_requests_are_counted_as_they_are_answered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = Twice()
    tf.saved_model.save(model, str(tmp_path), signatures={"twice": model.twice})
    with (
        caplog.at_level(logging.DEBUG, PROGRESS_LOGGER),
        ProbedProcess(timeout_seconds=60, max_memory_mb=4096) as process,
    ):
        process.load(str(tmp_path))
        answer, seconds = process.call("twice", {"number": np.float32([1, 2])}, times=3)
        process.call("twice", {"number": np.float32([1])})

    assert answer["answer"].tolist() == [2, 4]
    assert len(seconds) == 3
    records = [record for record in caplog.records if record.name == PROGRESS_LOGGER]
    assert [(record.counted, record.count) for record in records] == [  # type: ignore[attr-defined]
        ("requests answered", 3),
        ("requests answered", 1),
    ]
