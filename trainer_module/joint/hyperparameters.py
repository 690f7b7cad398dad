"""Hyperparameters of the joint model; free of TensorFlow."""

from typing import Literal

from pydantic import Field, model_validator

from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters


class JointHyperparameters(RetrievalHyperparameters, RankingHyperparameters):
    """Retrieval and ranking as one model: the settings of both, and how much the loss of each counts.

    What both have is shared. 0 leaves a task untrained, which makes a specialist of the model.
    """

    epochs: int = Field(20, ge=1, description="Upper limit; early stopping usually ends the fit before it.")
    retrieval_weight: float = Field(1.0, ge=0, description="Of the retrieval loss.")
    ranking_weight: float = Field(1.0, ge=0, description="Of the squared error of the ratings.")
    validation: Literal["random"] = Field(
        "random", description="The share of the ratings that both tasks hold out."
    )
    recent_weights: tuple[Literal[0]] = Field((0,), description="Not for a joint model.")
    refit: Literal[False] = Field(False, description="Not for a joint model.")
    ensemble_seeds: Literal[1] = Field(1, description="Not for a joint model.")

    @model_validator(mode="after")
    def _some_task(self) -> "JointHyperparameters":
        if not self.retrieval_weight and not self.ranking_weight:
            raise ValueError("retrieval_weight and ranking_weight are both 0: one of them has to count")
        return self
