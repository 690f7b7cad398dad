"""The versions that are on disk."""

import logging
from collections.abc import Mapping
from pathlib import Path

from serving.model_server.config.model_config import ModelConfig

_LOG = logging.getLogger(__name__)
_LARGEST_VERSION = 2**63 - 1


def versions_on_disk(base_path: Path) -> dict[int, Path]:
    """The folders whose names are numbers, by number.

    Raises:
      OSError: the base path cannot be read.
    """
    found = {}
    for entry in sorted(base_path.iterdir()):
        if (
            entry.name.isascii()
            and entry.name.isdecimal()
            and int(entry.name) <= _LARGEST_VERSION
            and entry.is_dir()
        ):
            found[int(entry.name)] = entry
    return found


class ModelSource:
    """Watches the folder of one model."""

    def __init__(self, model: ModelConfig) -> None:
        self.model = model
        self._complaint = ""

    def aspired(self) -> Mapping[int, Path] | None:
        """The versions to serve now, or None if the folder cannot be read, and then nothing should change."""
        name, base_path = self.model.name, self.model.base_path
        try:
            found = versions_on_disk(base_path)
        except OSError as problem:
            self._complain(f"Could not find base path {base_path} for servable {name}: {problem.strerror}")
            return None
        chosen = self.model.policy.choose(found)
        if not found:
            self._complain(
                f"No versions of servable {name} found under base path {base_path}. "
                "Did you forget to name your leaf directory as a number (eg. '/1/')?"
            )
        elif missing := self.model.policy.specific - set(found):
            self._complain(
                f"Versions {sorted(missing)} of servable {name} are not under base path {base_path}"
            )
        else:
            self._complaint = ""
        return {version: found[version] for version in chosen}

    def _complain(self, complaint: str) -> None:
        """Logs it, once for as long as it stays the same."""
        if complaint != self._complaint:
            _LOG.warning(complaint)
        self._complaint = complaint
