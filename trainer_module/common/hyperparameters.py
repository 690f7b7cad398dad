"""Hyperparameters that every model has: validated, frozen, and free of TensorFlow."""

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

# Of one fit, whatever it fits.
FIT_SETTINGS: Final = frozenset(
    {"epochs", "batch_size", "learning_rate", "learning_rate_decay", "validation_share", "patience"}
)


class FitHyperparameters(BaseModel):
    """What every fit shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(20, ge=1, description="Upper limit; early stopping usually ends the fit before it.")
    batch_size: int = Field(1024, ge=2, description="Examples of a step.")
    learning_rate: float = Field(2e-3, gt=0, description="Of Adam.")
    learning_rate_decay: Literal["none", "cosine"] = Field(
        "none",
        description="`cosine` lowers the rate from epoch to epoch, along half a period over all `epochs`.",
    )
    embedding_dim: int = Field(32, ge=1, description="Width of every embedding and of both towers' output.")
    dropout: float = Field(
        0.2, ge=0, lt=1, description="Share of the inputs of deep layers left out in training."
    )
    unknown_id_share: float = Field(
        0.05, ge=0, lt=1, description="Share of training ids replaced by 'unknown', which trains that row."
    )
    validation_share: float = Field(
        0.05, gt=0, lt=1, description="Share of the train split held out for early stopping."
    )
    patience: int = Field(2, ge=1, description="Epochs without improvement before the fit stops.")


def tuned_values(hyperparameters: Mapping[str, Any] | None) -> dict[str, object]:
    """The values in a configuration of KerasTuner's HyperParameters, by dotted name; none without one.

    KerasTuner's values are scalars, so a search over lists writes them as JSON texts such as "[64, 32]".
    """
    values: Mapping[str, Any] = hyperparameters["values"] if hyperparameters else {}
    return {
        name: json.loads(value) if isinstance(value, str) and value.startswith("[") else value
        for name, value in values.items()
    }


def with_values(settings: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a tree of settings with other values under dotted names, such as `ranking.dropout`."""
    changed = dict(settings)
    for dotted, value in values.items():
        name, _, rest = dotted.partition(".")
        changed[name] = with_values(changed.get(name, {}), {rest: value}) if rest else value
    return changed
