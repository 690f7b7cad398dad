"""The `tuner_fn` of the ranking model."""

from tfx.components.tuner.component import TunerFnResult

from trainer_module.common.inputs import TrainerArgs
from trainer_module.ranking.fit import MONITOR
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.ranking.run_fn import MODE, train
from trainer_module.tuning.tuner import make_tuner


def tuner_fn(fn_args: TrainerArgs) -> TunerFnResult:
    """The search that TFX's Tuner runs."""
    tuner = make_tuner(fn_args, RankingHyperparameters, train, monitor=MONITOR, mode=MODE)
    return TunerFnResult(tuner=tuner, fit_kwargs={})
