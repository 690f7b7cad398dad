"""`--model_config_file_poll_wait_seconds`: the list of models, read again while the server runs."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from serving.model_server.config.model_config import ModelConfig, read_model_config
from serving.model_server.errors import ModelServerError

_LOG = logging.getLogger(__name__)


class Models(Protocol):
    """What serves the models."""

    def replace(self, models: Sequence[ModelConfig]) -> None:
        """Serves these models and no others."""


class ConfigFile:
    """Applies the file whenever its models differ from those that were applied last.

    Args:
      file: the file; None stands for a model that the command line names.
      seconds: how often to read it; 0 does not read it again.
      models: what serves the models of the file, which were read once already.
    """

    def __init__(self, file: Path | None, seconds: float, models: Models) -> None:
        self._file, self._seconds, self._models = file, seconds, models
        self._applied = read_model_config(file) if file and seconds else None

    async def run(self) -> None:
        """Follows the file until it is cancelled."""
        while self._file and self._seconds:
            await asyncio.sleep(self._seconds)
            await asyncio.to_thread(self._apply, self._file)

    def _apply(self, file: Path) -> None:
        try:
            models = read_model_config(file)
            if models != self._applied:
                self._applied = models
                _LOG.info("%s has changed: serving %s", file, ", ".join(model.name for model in models))
                self._models.replace(models)
        except ModelServerError as error:
            # What is served stays as it is, as far as it can.
            _LOG.error("%s", error)
