"""`RecommenderComposer`: retrieval, ranking and the final order in one SavedModel."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.recommender_composer.executor import (
    CODE_FINGERPRINT_KEY,
    COMPOSE_FN_KEY,
    MODEL_KEY,
    RANKING_KEY,
    RANKING_RUN_KEY,
    RERANKING_KEY,
    RETRIEVAL_KEY,
    RETRIEVAL_RUN_KEY,
    RecommenderComposerExecutor,
)


class RecommenderComposerSpec(component_spec.ComponentSpec):
    """Inputs, parameters and outputs of `RecommenderComposer`."""

    PARAMETERS = {
        COMPOSE_FN_KEY: component_spec.ExecutionParameter(type=str),
        CODE_FINGERPRINT_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        RETRIEVAL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        RETRIEVAL_RUN_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
        RANKING_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
        RANKING_RUN_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelRun, optional=True),
    }
    OUTPUTS = {
        MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        RERANKING_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
    }


class RecommenderComposer(base_component.BaseComponent):
    """Fits the final order of the candidates on validation and composes both stages with it.

    Component `outputs` contains:
     - `model`: one SavedModel that returns the final list.
     - `reranking_model`: the ranking model with the signature `rerank`, the final order for servers that hold
       the stages apart. Not of a model that does both.

    Args:
      compose_fn: dotted name of the function that composes.
      retrieval: the trained model that retrieves, or one that does both.
      retrieval_run: what its training left.
      ranking: the trained model that ranks; None if `retrieval` does both.
      ranking_run: what its training left.
      code_fingerprint: of the code that composes, for the cache key.
    """

    SPEC_CLASS = RecommenderComposerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(RecommenderComposerExecutor)

    def __init__(
        self,
        compose_fn: str,
        retrieval: types.BaseChannel,
        retrieval_run: types.BaseChannel,
        ranking: types.BaseChannel | None = None,
        ranking_run: types.BaseChannel | None = None,
        code_fingerprint: str = "",
    ) -> None:
        reranking = types.Channel(type=standard_artifacts.Model) if ranking is not None else None
        super().__init__(
            spec=RecommenderComposerSpec(
                compose_fn=compose_fn,
                code_fingerprint=code_fingerprint,
                retrieval=retrieval,
                retrieval_run=retrieval_run,
                ranking=ranking,
                ranking_run=ranking_run,
                model=types.Channel(type=standard_artifacts.Model),
                reranking_model=reranking,
            )
        )
