"""A run's settings and metrics as a run of MLflow. The extra `mlflow` has its client."""

from __future__ import annotations

import itertools
import os
import time
from typing import Any, Final

from pipeline.export.outcome import RunOutcome

# What an MLflow server takes in one call, and as the value of one parameter.
_AT_ONCE: Final = 100
_LONGEST: Final = 6_000
# A server that does not answer must not hold up a run that is done, and nothing but it is told of the run.
_ENVIRONMENT: Final = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # A folder is a tracking address that MLflow 3 has to be allowed.
    "MLFLOW_ALLOW_FILE_STORE": "true",
}


def export_to_mlflow(outcome: RunOutcome, uri: str) -> str:
    """Writes the run into the experiment that is named after the pipeline; returns where it is.

    Args:
      outcome: how the run came out.
      uri: the tracking address, such as `http://mlflow:5000` or `file:///runs/mlflow`.

    Raises:
      ImportError: MLflow's client is not installed.
      Exception: whatever MLflow raises where it cannot be reached or refuses the run.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(outcome.pipeline)
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(outcome.pipeline)
    run_id = client.create_run(experiment_id, run_name=outcome.run or None).info.run_id
    now = int(time.time() * 1000)
    params = [Param(name, value[:_LONGEST]) for name, value in outcome.settings.items()]
    measured = [
        # MLflow allows letters, digits and / _ - . in names.
        Metric(f"{model}/{name.replace('@', '_at_')}", value, now, 0)
        for model, values in outcome.metrics.items()
        for name, value in values.items()
    ]
    tags = [
        RunTag(name, str(value))
        for name, value in outcome.to_dict().items()
        if isinstance(value, str) and value
    ]
    tags += [RunTag(f"link.{name}", address) for name, address in outcome.links.items()]
    client.log_batch(run_id, metrics=measured, tags=tags)
    for some in _batches(params):
        client.log_batch(run_id, params=some)
    client.set_terminated(run_id, "FAILED" if outcome.problem else "FINISHED")
    return f"run {run_id} of experiment {outcome.pipeline}"


def _batches(params: list[Any]) -> list[list[Any]]:
    left = iter(params)
    return list(iter(lambda: list(itertools.islice(left, _AT_ONCE)), []))
