"""The search space and the `tuner_fn` of the ranking model."""

from tfx.components.tuner.component import TunerFnResult

from trainer_module.common.inputs import TrainerArgs
from trainer_module.ranking.fit import MONITOR
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.ranking.run_fn import MODE, train
from trainer_module.tuning.search_spaces import EMBEDDING_L2, FIT_SPACE, Choice, Range, Space, without_zeros
from trainer_module.tuning.tuner import make_tuner


def ranking_space(hyperparameters: RankingHyperparameters) -> Space:
    """What a search may try for a model of the configured structure."""
    space = {
        **FIT_SPACE,
        "embedding_dim": Choice((16, 32, 64)),
        "hidden_units": Choice(((32,), (64,), (128,), (128, 64))),
    }
    if hyperparameters.structure == "svdpp":
        space["l2_factors"] = Range(0.01, 1.0, log=True)
        space["l2_history"] = Range(0.003, 0.3, log=True)
        space["l2_biases"] = Range(0.0005, 0.05, log=True)
    else:
        space["l2"] = EMBEDDING_L2
    return without_zeros(space, hyperparameters)


def tuner_fn(fn_args: TrainerArgs) -> TunerFnResult:
    """The search that TFX's Tuner runs."""
    tuner = make_tuner(fn_args, RankingHyperparameters, ranking_space, train, monitor=MONITOR, mode=MODE)
    return TunerFnResult(tuner=tuner, fit_kwargs={})
