"""Settings that had another name, for the error with the name of today."""

from collections.abc import Iterable
from typing import Final

from trainer_module.common.hyperparameters import FIT_SETTINGS
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters

_CONSTANT: Final = "it is a constant now, so leave it out"
_FROM_RATINGS: Final = "it follows from sample.ratings, so leave it out"
_ALWAYS: Final = "metrics always have them, so leave it out"
_NOT_JOINT: Final = "a joint model does not have it, so leave it out"


def _joint() -> Iterable[tuple[str, str]]:
    """The settings that `joint` repeated: those of a fit are of `ranking`, others of either or both."""
    retrieval, ranking = RetrievalHyperparameters.model_fields, RankingHyperparameters.model_fields
    for name in retrieval.keys() | ranking.keys():
        owners = [
            f"{section}.{name}"
            for section, fields in (("retrieval", retrieval), ("ranking", ranking))
            if name in fields and not (section == "retrieval" and name in FIT_SETTINGS)
        ]
        yield f"joint.{name}", f"write {' and '.join(owners)}"


# By dotted name: what to do instead.
RENAMED: Final = {
    **dict(_joint()),
    **dict.fromkeys(
        ("joint.validation", "joint.recent_weights", "joint.refit", "joint.ensemble_seeds"), _NOT_JOINT
    ),
    "retrieval.held_out_share": _CONSTANT,
    "joint.held_out_share": _CONSTANT,
    "retrieval.hard_negatives": "a softmax counts every negative, so leave it out",
    "joint.hard_negatives": "a softmax counts every negative, so leave it out",
    "ranking.session_window": _CONSTANT,
    "joint.session_window": _CONSTANT,
    "data_gate.min_rating_deviation": _CONSTANT,
    "probe.max_transform_difference": _CONSTANT,
    "evaluation.confidence_intervals": _ALWAYS,
    "tuning.epochs": "a trial has the epochs of its model: write retrieval.epochs or ranking.epochs",
    "sample.users": _FROM_RATINGS,
    "sample.movies": _FROM_RATINGS,
}
