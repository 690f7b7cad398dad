"""The `tuner_fn` of the retrieval model."""

from tfx.components.tuner.component import TunerFnResult

from trainer_module.common.inputs import TrainerArgs
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.model import MODE, MONITOR
from trainer_module.retrieval.run_fn import train
from trainer_module.tuning.tuner import make_tuner


def tuner_fn(fn_args: TrainerArgs) -> TunerFnResult:
    """The search that TFX's Tuner runs."""
    tuner = make_tuner(fn_args, RetrievalHyperparameters, train, monitor=MONITOR, mode=MODE)
    return TunerFnResult(tuner=tuner, fit_kwargs={})
