"""`ModelProbe`: an InfraValidator that does not need a model server or Docker."""

import json
from collections.abc import Sequence

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.model_probe.executor import (
    BLESSING_KEY,
    CODE_FINGERPRINT_KEY,
    CONTRACT_KEY,
    HIDES_RATED_KEY,
    SETTINGS_KEY,
    ModelProbeExecutor,
)
from components.model_probe.probe_data import MODEL, MOVIES, RATINGS, STATISTICS, TRANSFORMED
from components.model_probe.settings import ModelProbeSettings


def _channel(artifact_type: type[types.Artifact]) -> component_spec.ChannelParameter:
    return component_spec.ChannelParameter(type=artifact_type)


class ModelProbeSpec(component_spec.ComponentSpec):
    """A model and the data that it was made from in, an InfraBlessing with the record out."""

    PARAMETERS = {
        **{
            name: component_spec.ExecutionParameter(type=str)
            for name in (SETTINGS_KEY, CONTRACT_KEY, CODE_FINGERPRINT_KEY)
        },
        HIDES_RATED_KEY: component_spec.ExecutionParameter(type=int),
    }
    INPUTS = {
        MODEL: _channel(standard_artifacts.Model),
        RATINGS: _channel(standard_artifacts.Examples),
        MOVIES: _channel(standard_artifacts.Examples),
        STATISTICS: _channel(standard_artifacts.ExampleStatistics),
        TRANSFORMED: _channel(standard_artifacts.Examples),
    }
    OUTPUTS = {BLESSING_KEY: _channel(standard_artifacts.InfraBlessing)}


class ModelProbe(base_component.BaseComponent):
    """Loads a SavedModel where nothing of ours is, calls all its signatures, and blesses it or does not.

    The process has TensorFlow and NumPy alone. Every signature gets real rows and odd ones; shapes, numbers,
    lists, the catalogue, latency and memory are held against their thresholds, and what Transform's graph in
    the model makes of raw rows against what it made of them for training. A model that crashes there, hangs
    or takes too much memory is refused for that.

    Component `outputs` contains:
     - `infra_blessing`: `InfraBlessing` with the record of every check, `model_probe.json`. Blessed or not,
       the node ends well; a Pusher pushes what is blessed.

    Args:
      model: the model.
      ratings: raw `ratings` Examples, splits `train` and `eval`.
      movies: raw `movies` Examples: the catalogue that the index has to hold.
      statistics: those of the ratings, for the scale.
      transformed_examples: what Transform made of the ratings.
      contract: whose signatures the model has to have: `retrieval`, `ranking` or both.
      settings: the thresholds.
      hides_rated: the model leaves out of its lists whatever a user has rated.
      code_fingerprint: digest of the source of the probe, so that a change of code misses the cache.
    """

    SPEC_CLASS = ModelProbeSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ModelProbeExecutor)

    def __init__(
        self,
        model: types.BaseChannel,
        ratings: types.BaseChannel,
        movies: types.BaseChannel,
        statistics: types.BaseChannel,
        transformed_examples: types.BaseChannel,
        contract: Sequence[str],
        settings: ModelProbeSettings,
        hides_rated: bool = True,
        code_fingerprint: str = "",
    ) -> None:
        channels = {
            MODEL: model,
            RATINGS: ratings,
            MOVIES: movies,
            STATISTICS: statistics,
            TRANSFORMED: transformed_examples,
        }
        parameters = {
            SETTINGS_KEY: settings.model_dump_json(),
            CONTRACT_KEY: json.dumps(list(contract)),
            HIDES_RATED_KEY: int(hides_rated),
            CODE_FINGERPRINT_KEY: code_fingerprint,
        }
        blessing = {BLESSING_KEY: types.Channel(type=standard_artifacts.InfraBlessing)}
        super().__init__(spec=ModelProbeSpec(**channels, **parameters, **blessing))
