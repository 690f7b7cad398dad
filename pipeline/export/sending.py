"""Sends a run out to what the settings name, and puts whatever goes wrong into a line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final

from pipeline.config_sections import ExportConfig
from pipeline.export.mlflow_tracking import export_to_mlflow
from pipeline.export.outcome import RunOutcome
from pipeline.export.webhook import notify

_NOT_INSTALLED: Final = (
    "its client is not installed: pip install 'movielens-recommender[mlflow]', or `make venv` in a clone"
)


def sent(export: ExportConfig, outcome: RunOutcome) -> Iterator[str]:
    """Yields a line about each place that the run was sent to, or could not be sent to.

    Args:
      export: the places.
      outcome: how the run came out.
    """
    if export.mlflow_uri:
        uri = export.mlflow_uri
        yield _line("MLflow", lambda: export_to_mlflow(outcome, uri))
    if export.webhook:
        url = export.webhook.get_secret_value()
        yield _line("webhook", lambda: notify(outcome, url))


def _line(name: str, send: Callable[[], str]) -> str:
    try:
        return f"{name}: {send()}"
    except ModuleNotFoundError as error:
        return f"{name}: NOT SENT: {_NOT_INSTALLED if (error.name or '').startswith('mlflow') else error}"
    except Exception as error:  # The run is done; what receives it must not fail it.
        logging.exception("%s: not sent", name)
        message = str(error).strip().splitlines() or [""]
        return f"{name}: NOT SENT: {message[0] or type(error).__name__}"
