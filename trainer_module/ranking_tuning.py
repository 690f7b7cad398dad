"""The `tuner_fn` of the ranking model."""

from tfx.components.tuner.component import TunerFnResult

from trainer_module.hyperparameters import RankingHyperparameters
from trainer_module.inputs import TrainerArgs
from trainer_module.ranking import MODE, train
from trainer_module.ranking_fit import MONITOR
from trainer_module.tuning import make_tuner


def tuner_fn(fn_args: TrainerArgs) -> TunerFnResult:
    """The search that TFX's Tuner runs."""
    tuner = make_tuner(fn_args, RankingHyperparameters, train, monitor=MONITOR, mode=MODE)
    return TunerFnResult(tuner=tuner, fit_kwargs={})
