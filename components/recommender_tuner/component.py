"""`RecommenderTuner`: the stock Tuner with one more input, the `movies` Examples."""

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components.recommender_trainer.executor import MOVIES_KEY
from components.recommender_tuner.executor import RecommenderTunerExecutor


class RecommenderTunerSpec(component_spec.ComponentSpec):
    """The stock Tuner's spec with the `movies` channel."""

    PARAMETERS = standard_component_specs.TunerSpec.PARAMETERS
    INPUTS = {
        **standard_component_specs.TunerSpec.INPUTS,
        MOVIES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = standard_component_specs.TunerSpec.OUTPUTS
    TYPE_ANNOTATION = standard_component_specs.TunerSpec.TYPE_ANNOTATION


class RecommenderTuner(base_component.BaseComponent):
    """Searches for the hyperparameters that a `RecommenderTrainer` then trains with.

    Args:
      examples: transformed `ratings` Examples. Trials see the train split alone.
      movies: raw `movies` Examples.
      transform_graph: the graph that made `examples`.
      tuner_fn: dotted name of the function that makes the tuner.
      custom_config: plain values for the `tuner_fn`.
    """

    SPEC_CLASS = RecommenderTunerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(RecommenderTunerExecutor)

    def __init__(
        self,
        examples: types.BaseChannel,
        movies: types.BaseChannel,
        transform_graph: types.BaseChannel,
        tuner_fn: str,
        custom_config: dict[str, Any],
    ) -> None:
        super().__init__(
            spec=RecommenderTunerSpec(
                examples=examples,
                movies=movies,
                transform_graph=transform_graph,
                train_args=trainer_pb2.TrainArgs(),
                eval_args=trainer_pb2.EvalArgs(),
                tuner_fn=tuner_fn,
                custom_config=json_utils.dumps(custom_config),
                best_hyperparameters=types.Channel(type=standard_artifacts.HyperParameters),
                tuner_results=types.Channel(type=standard_artifacts.TunerResults),
            )
        )
