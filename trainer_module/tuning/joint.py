"""The `tuner_fn` of the joint model."""

from tfx.components.tuner.component import TunerFnResult

from trainer_module.common.inputs import TrainerArgs
from trainer_module.joint.hyperparameters import JointHyperparameters
from trainer_module.joint.run_fn import MODE, MONITOR, train
from trainer_module.tuning.tuner import make_tuner


def tuner_fn(fn_args: TrainerArgs) -> TunerFnResult:
    """The search that TFX's Tuner runs."""
    tuner = make_tuner(fn_args, JointHyperparameters, train, monitor=MONITOR, mode=MODE)
    return TunerFnResult(tuner=tuner, fit_kwargs={})
