"""The search space and the `tuner_fn` of the retrieval model."""

from tfx.components.tuner.component import TunerFnResult

from trainer_module.common.inputs import TrainerArgs
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.model import MODE, MONITOR
from trainer_module.retrieval.run_fn import train
from trainer_module.tuning.search_spaces import (
    EMBEDDING_L2,
    FIT_SPACE,
    Choice,
    Range,
    Space,
    without_zeros,
)
from trainer_module.tuning.tuner import make_tuner


def retrieval_space(hyperparameters: RetrievalHyperparameters) -> Space:
    """What a search may try for a model of the configured kind."""
    space = {
        **FIT_SPACE,
        "embedding_dim": Choice((32, 48, 64, 96, 128)),
        "l2": EMBEDDING_L2,
        "user_l2": Range(1e-6, 1e-2, log=True),
        "history_l2": EMBEDDING_L2,
    }
    if hyperparameters.examples == "held_out":  # Batches of users, of whom there are fewer than ratings.
        space["batch_size"] = Choice((64, 128, 256, 512))
    if hyperparameters.loss == "weighted_squared":
        space["unobserved_weight"] = Range(0.01, 0.5, log=True)
        space["given_weight"] = Range(0.0, 0.5)
    return without_zeros(space, hyperparameters)


def tuner_fn(fn_args: TrainerArgs) -> TunerFnResult:
    """The search that TFX's Tuner runs."""
    tuner = make_tuner(fn_args, RetrievalHyperparameters, retrieval_space, train, monitor=MONITOR, mode=MODE)
    return TunerFnResult(tuner=tuner, fit_kwargs={})
