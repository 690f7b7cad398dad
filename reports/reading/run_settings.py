"""The settings and the data of a run, read from what its nodes were executed with."""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from reports.reading.run_data import Run

RATINGS_GEN: Final = "RatingsGen"
MOVIES_GEN: Final = "MoviesGen"
EXAMPLES: Final = "examples"

# Of each node whose `custom_config` has hyperparameters, and what its section is called.
_TRAINERS: Final = {"RetrievalTrainer": "retrieval", "RankingTrainer": "ranking", "JointTrainer": "joint"}

_PACKAGES: Final = (
    "tfx",
    "tensorflow",
    "tensorflow-transform",
    "tensorflow-data-validation",
    "tensorflow-model-analysis",
    "tensorflow-recommenders",
    "apache-beam",
    "ml-metadata",
    "numpy",
)


def settings_of(run: Run) -> dict[str, object]:
    """The settings that the nodes of a run recorded, in the shape of the configuration.

    Nodes that did not run recorded nothing, so a run that failed early lacks what belongs to later ones.
    """
    found: dict[str, object] = {}
    folder = data_folder(run)
    if folder is not None:
        found["data_dir"] = str(folder)
    data = _custom_config(run, RATINGS_GEN).get("settings")
    if isinstance(data, Mapping):
        found["data"] = {name: _as_written(value) for name, value in data.items()}
    for node_id, section in _TRAINERS.items():
        custom = _custom_config(run, node_id)
        if "hyperparameters" in custom:
            found[section] = custom["hyperparameters"]
        if "seed" in custom:
            found["seed"] = custom["seed"]
    return found


def data_folder(run: Run) -> Path | None:
    """The folder of raw files that the run read, None if it read none."""
    for node_id in (RATINGS_GEN, MOVIES_GEN):
        node = run.node(node_id)
        base = node.properties.get("input_base") if node else None
        if base:
            return Path(str(base))
    return None


def raw_files(run: Run) -> dict[str, str]:
    """Size and last change of each raw file that was there, from TFX's fingerprint of the input."""
    node = run.node(RATINGS_GEN)
    lines = str(node.properties.get("input_fingerprint", "")).splitlines() if node else []
    found = {}
    for line in lines:
        fields = dict(field.split(":", 1) for field in line.split(",") if ":" in field)
        many = int(fields.get("num_files", "0"))
        if many:
            size = f"{int(fields.get('total_bytes', '0')):,} bytes"
            # What TFX calls a checksum is the sum of the times of change.
            changed = datetime.datetime.fromtimestamp(
                int(fields.get("sum_checksum", "0")) // many, datetime.timezone.utc
            )
            found[fields["split"]] = f"{size}, changed {changed:%Y-%m-%d %H:%M:%S} UTC"
            if many > 1:
                found[fields["split"]] = f"{many} files, {size}"
    return found


def versions_here() -> dict[str, str]:
    """Versions of Python and of the libraries in this environment."""
    found = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _custom_config(run: Run, node_id: str) -> dict[str, Any]:
    node = run.node(node_id)
    text = node.properties.get("custom_config") if node else None
    try:
        parsed = json.loads(str(text)) if text else {}
    except json.JSONDecodeError:
        return {}
    # An ExampleGen packs its settings into a protocol buffer of Google's `Struct` type.
    packed = parsed.get("custom_config", parsed) if isinstance(parsed, dict) else {}
    value = packed.get("value", packed) if isinstance(packed, dict) else {}
    return value if isinstance(value, dict) else {}


def _as_written(value: object) -> object:
    """A `Struct` holds all numbers as floats; 50.0 was written as 50."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
