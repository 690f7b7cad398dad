"""Hyperparameters of the joint model; free of TensorFlow."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainer_module.common.hyperparameters import FIT_SETTINGS
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters

# What the joint model has in one way alone: it holds out a random share of the ratings, and is fitted once.
_ONE_WAY: Final[Mapping[str, Mapping[str, object]]] = {
    "retrieval": {"validation": "random", "recent_weights": (0.0,), "refit": False},
    "ranking": {"refit": False, "ensemble_seeds": 1},
}


class JointWeights(BaseModel):
    """How much the loss of each task counts; 0 leaves a task untrained, which makes a specialist."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retrieval_weight: float = Field(1.0, ge=0, description="Of the retrieval loss.")
    ranking_weight: float = Field(1.0, ge=0, description="Of the squared error of the ratings.")

    @model_validator(mode="after")
    def _some_task(self) -> "JointWeights":
        if not self.retrieval_weight and not self.ranking_weight:
            raise ValueError("retrieval_weight and ranking_weight are both 0: one of them has to count")
        return self


class JointHyperparameters(JointWeights):
    """Retrieval and ranking as one model: the settings of both models, and the weights of their losses.

    There is one fit, so what a fit has (`FIT_SETTINGS`) is that of `ranking`, whose ratings make an epoch.
    """

    retrieval: RetrievalHyperparameters = RetrievalHyperparameters()
    ranking: RankingHyperparameters = RankingHyperparameters()

    @property
    def towers(self) -> RetrievalHyperparameters:
        """The settings of retrieval with the fit of ranking."""
        fit = self.ranking.model_dump(include=set(FIT_SETTINGS))
        return self.retrieval.model_copy(update=fit)


def check_joint(retrieval: RetrievalHyperparameters, ranking: RankingHyperparameters) -> None:
    """Refuses settings of the separate models that a joint model cannot follow.

    Raises:
      ValueError: one of the fit differs between both, or one does not apply to a joint model; the message
        names every such setting.
    """
    wrong = []
    for name in sorted(FIT_SETTINGS):
        own, joint = getattr(retrieval, name), getattr(ranking, name)
        if own not in (joint, type(retrieval).model_fields[name].default):
            wrong.append(
                f"retrieval.{name} is {own!r} and ranking.{name} is {joint!r}, but a joint model is fitted "
                f"once, by ranking.{name}; make both equal or leave retrieval.{name} out"
            )
    for section, settings in (("retrieval", retrieval), ("ranking", ranking)):
        for name, followed in _ONE_WAY[section].items():
            value, default = getattr(settings, name), type(settings).model_fields[name].default
            if value not in (followed, default):
                wrong.append(f"{section}.{name} is {value!r}, but is not for a joint model; leave it out")
    if wrong:
        raise ValueError("; ".join(wrong))
