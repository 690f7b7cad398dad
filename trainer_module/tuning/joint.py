"""The search space and the `tuner_fn` of the joint model."""

from tfx.components.tuner.component import TunerFnResult

from trainer_module.common.hyperparameters import FIT_SETTINGS
from trainer_module.common.inputs import TrainerArgs
from trainer_module.joint.hyperparameters import JointHyperparameters
from trainer_module.joint.run_fn import MODE, MONITOR, train
from trainer_module.tuning.ranking import ranking_space
from trainer_module.tuning.retrieval import retrieval_space
from trainer_module.tuning.search_spaces import Choice, Range, Space, without_zeros
from trainer_module.tuning.tuner import make_tuner


def joint_space(hyperparameters: JointHyperparameters) -> Space:
    """What a search may try: the spaces of both models under dotted names, and the weight of the ratings."""
    towers = {
        f"retrieval.{name}": domain
        for name, domain in retrieval_space(hyperparameters.retrieval).items()
        if name not in FIT_SETTINGS  # The one fit is that of ranking.
    }
    ratings = {f"ranking.{name}": domain for name, domain in ranking_space(hyperparameters.ranking).items()}
    space = {
        **towers,
        **ratings,
        # Batches of both tasks have as many rows, and those of ratings are the most.
        "ranking.batch_size": Choice((512, 1024, 2048)),
        # The retrieval loss keeps its weight: what counts is the one beside the other.
        "ranking_weight": Range(0.1, 30.0, log=True),
    }
    return without_zeros(space, hyperparameters)


def tuner_fn(fn_args: TrainerArgs) -> TunerFnResult:
    """The search that TFX's Tuner runs."""
    tuner = make_tuner(fn_args, JointHyperparameters, joint_space, train, monitor=MONITOR, mode=MODE)
    return TunerFnResult(tuner=tuner, fit_kwargs={})
