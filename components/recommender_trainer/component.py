"""`RecommenderTrainer`: the stock Trainer with one more input, the `movies` Examples."""

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components.recommender_trainer.executor import MOVIES_KEY, RecommenderTrainerExecutor


class RecommenderTrainerSpec(component_spec.ComponentSpec):
    """The stock Trainer's spec with the `movies` channel."""

    PARAMETERS = standard_component_specs.TrainerSpec.PARAMETERS
    INPUTS = {
        **standard_component_specs.TrainerSpec.INPUTS,
        MOVIES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = standard_component_specs.TrainerSpec.OUTPUTS
    TYPE_ANNOTATION = standard_component_specs.TrainerSpec.TYPE_ANNOTATION


class RecommenderTrainer(base_component.BaseComponent):
    """Trains a recommender over transformed ratings and the whole catalogue.

    The `run_fn` gets the stock `FnArgs` with `movie_files`, the file patterns of the `movies` Examples, so
    the index covers every movie and lineage shows which catalogue it came from.

    Args:
      examples: transformed `ratings` Examples.
      movies: raw `movies` Examples.
      transform_graph: the graph that made `examples`.
      run_fn: dotted name of the training function.
      custom_config: plain values for the `run_fn`.
      hyperparameters: the best ones that a Tuner found.
    """

    SPEC_CLASS = RecommenderTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(RecommenderTrainerExecutor)

    def __init__(
        self,
        examples: types.BaseChannel,
        movies: types.BaseChannel,
        transform_graph: types.BaseChannel,
        run_fn: str,
        custom_config: dict[str, Any],
        hyperparameters: types.BaseChannel | None = None,
    ) -> None:
        super().__init__(
            spec=RecommenderTrainerSpec(
                examples=examples,
                movies=movies,
                transform_graph=transform_graph,
                hyperparameters=hyperparameters,
                train_args=trainer_pb2.TrainArgs(),
                eval_args=trainer_pb2.EvalArgs(),
                run_fn=run_fn,
                custom_config=json_utils.dumps(custom_config),
                model=types.Channel(type=standard_artifacts.Model),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
            )
        )
