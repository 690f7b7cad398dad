"""The components of the pipeline, one a folder."""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """Finds the class whose path is the name of an artifact type; see `components.data_gate.artifact`."""
    if name == "DataGateResult":
        # By a name that is put together at run time, so that no other component's source depends on it.
        return getattr(importlib.import_module(f"{__name__}.data_gate.artifact"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
