"""Hyperparameters of the models: validated, frozen, and free of TensorFlow so that `--help` stays quick."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class FitHyperparameters(BaseModel):
    """What every fit shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(20, ge=1, description="Upper limit; early stopping usually ends the fit before it.")
    batch_size: int = Field(1024, ge=2)
    learning_rate: float = Field(2e-3, gt=0, description="Of Adam.")
    embedding_dim: int = Field(32, ge=1, description="Width of every embedding and of both towers' output.")
    dropout: float = Field(0.2, ge=0, lt=1)
    unknown_id_share: float = Field(
        0.05, ge=0, lt=1, description="Share of training ids replaced by 'unknown', which trains that row."
    )
    validation_share: float = Field(
        0.05, gt=0, lt=1, description="Share of the train split held out for early stopping."
    )
    patience: int = Field(2, ge=1, description="Epochs without improvement before the fit stops.")


class RetrievalHyperparameters(FitHyperparameters):
    """Two-tower retrieval (Yi et al. 2019, Sampling-bias-corrected neural modeling)."""

    embedding_dim: int = Field(64, ge=1, description="Width of both towers' output.")
    top_k: int = Field(100, ge=1, description="Length of the list that `serving_default` returns.")
    exclude_rated: bool = Field(
        True, description="Keep each user's rated movies in the model to leave them out of the answers."
    )
    index: Literal["auto", "brute_force", "partitioned"] = Field(
        "auto", description="How the catalogue is searched; `auto` partitions 50,000 movies or more."
    )
    index_recall: float = Field(
        0.95, gt=0, le=1, description="Share of brute force's list that partitions have to find."
    )


class RankingHyperparameters(FitHyperparameters):
    """DCN-V2 ranking (Wang et al. 2021, https://arxiv.org/abs/2008.13535)."""

    structure: Literal["stacked", "parallel", "low_rank", "dnn"] = Field(
        "stacked", description="How cross layers and deep layers are put together."
    )
    cross_layers: int = Field(1, ge=1)
    projection_dim: int | None = Field(
        None, ge=1, description="Rank of the cross weights for `low_rank`; a quarter of the input if unset."
    )
    hidden_units: tuple[int, ...] = Field((64,), description="Widths of the deep layers.")
    l2: float = Field(1e-6, ge=0, description="L2 penalty on embeddings.")


class JointHyperparameters(RetrievalHyperparameters, RankingHyperparameters):
    """Retrieval and ranking as one model: the settings of both, and how much the loss of each counts.

    What both have is shared. 0 leaves a task untrained, which makes a specialist of the model.
    """

    retrieval_weight: float = Field(1.0, ge=0, description="Of the retrieval loss.")
    ranking_weight: float = Field(1.0, ge=0, description="Of the squared error of the ratings.")

    @model_validator(mode="after")
    def _some_task(self) -> "JointHyperparameters":
        if not self.retrieval_weight and not self.ranking_weight:
            raise ValueError("retrieval_weight and ranking_weight are both 0: one of them has to count")
        return self


def tuned_values(hyperparameters: Mapping[str, Any] | None) -> dict[str, object]:
    """The values in a configuration of KerasTuner's HyperParameters; none without one.

    KerasTuner's values are scalars, so a search over lists writes them as JSON texts such as "[64, 32]".
    """
    values: Mapping[str, Any] = hyperparameters["values"] if hyperparameters else {}
    return {
        name: json.loads(value) if isinstance(value, str) and value.startswith("[") else value
        for name, value in values.items()
    }
