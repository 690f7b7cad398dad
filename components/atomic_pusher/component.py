"""`AtomicPusher`: the stock Pusher for all servables of a run, with atomic versions and retention."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts
from tfx.utils import json_utils

from components.atomic_pusher.channels import (
    EVALUATION,
    INFRA_BLESSING,
    MODEL,
    MODEL_BLESSING,
    MOVIES_KEY,
    RATINGS_KEY,
    SCHEMA_KEY,
    SERVED_MODEL,
    input_key,
)
from components.atomic_pusher.executor import (
    BASE_DIRECTORIES,
    BLESSINGS,
    CODE,
    KEEP_VERSIONS,
    MEASURED_ON,
    PINNED_VERSIONS,
    SERIES,
    SETTINGS_KEY,
    AtomicPusherExecutor,
)
from contracts.artifacts import PUSHED_PREFIX
from contracts.signatures import SERVABLES

_OF_SERVABLE = {
    MODEL: standard_artifacts.Model,
    MODEL_BLESSING: standard_artifacts.ModelBlessing,
    INFRA_BLESSING: standard_artifacts.InfraBlessing,
    EVALUATION: standard_artifacts.ModelEvaluation,
    SERVED_MODEL: standard_artifacts.Model,
}


class AtomicPusherSpec(component_spec.ComponentSpec):
    """Inputs, parameters and outputs of `AtomicPusher`; those of each servable are optional."""

    PARAMETERS = {SETTINGS_KEY: component_spec.ExecutionParameter(type=str)}
    INPUTS = {
        **{
            input_key(servable, kind): component_spec.ChannelParameter(type=artifact_type, optional=True)
            for servable in SERVABLES
            for kind, artifact_type in _OF_SERVABLE.items()
        },
        RATINGS_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        MOVIES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        SCHEMA_KEY: component_spec.ChannelParameter(type=standard_artifacts.Schema),
    }
    OUTPUTS = {
        PUSHED_PREFIX + servable: component_spec.ChannelParameter(
            type=standard_artifacts.PushedModel, optional=True
        )
        for servable in SERVABLES
    }


@dataclass(frozen=True)
class ServableInputs:
    """What is pushed as one servable.

    Attributes:
      model: the model.
      base_directory: the folder that the server watches; its name is the model's name there.
      code: fingerprints of sources by what they do; for the manifest and the cache key.
      model_blessing: pushed only if it is there and blessed; optional.
      infra_blessing: pushed only if it is there and blessed; optional.
      evaluation: its metrics go into the manifest; optional.
      served_model: what the model was compared with, of `ServedModel`, for the manifest; optional.
    """

    model: types.BaseChannel
    base_directory: str
    code: Mapping[str, str]
    model_blessing: types.BaseChannel | None = None
    infra_blessing: types.BaseChannel | None = None
    evaluation: types.BaseChannel | None = None
    served_model: types.BaseChannel | None = None


class AtomicPusher(base_component.BaseComponent):
    """Pushes the servables of a run as the next version for TensorFlow Serving, if all of them are blessed.

    Where the stock Pusher copies in place under the current second, this one writes versions beside the
    others, flushes them and renames them, so that no server sees half of one. The servables get one number
    and are published in their order, once all are written. Numbers rise whatever the clock does. Each version
    has `assets.extra/manifest.json`, which records its origin, and warm-up requests; one that returns whole
    lists also has the catalogue that applications read. Models that are there together already are not pushed
    a second time.

    Component `outputs` contains `pushed_<servable>` for each of them.

    Args:
      servables: by name, in the order in which they are published; their folders lie beside one another.
      ratings: raw `ratings` Examples with a split `eval`: data fingerprint, ids for warm-up requests, and the
        users of the catalogue.
      movies: raw `movies` Examples: data fingerprint, catalogue.
      schema: the schema that the data was held to.
      keep_versions: how many versions stay, the new one included; the oldest go.
      measured_on: split and data of the metrics, for people.
      series: what models are called that may be compared with these.
      pinned_versions: versions that stay whatever their age.
    """

    SPEC_CLASS = AtomicPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(AtomicPusherExecutor)

    def __init__(
        self,
        servables: Mapping[str, ServableInputs],
        ratings: types.BaseChannel,
        movies: types.BaseChannel,
        schema: types.BaseChannel,
        keep_versions: int,
        measured_on: str,
        series: str = "",
        pinned_versions: Sequence[int] = (),
    ) -> None:
        inputs = {
            input_key(name, kind): channel
            for name, servable in servables.items()
            for kind in _OF_SERVABLE
            if (channel := getattr(servable, kind)) is not None
        }
        settings = {
            # A list, because JSON objects lose their order on the way.
            BASE_DIRECTORIES: [[name, servable.base_directory] for name, servable in servables.items()],
            BLESSINGS: {
                name: [
                    kind for kind in (MODEL_BLESSING, INFRA_BLESSING) if getattr(servable, kind) is not None
                ]
                for name, servable in servables.items()
            },
            CODE: {name: dict(servable.code) for name, servable in servables.items()},
            KEEP_VERSIONS: keep_versions,
            PINNED_VERSIONS: list(pinned_versions),
            MEASURED_ON: measured_on,
            SERIES: series,
        }
        super().__init__(
            spec=AtomicPusherSpec(
                **inputs,
                ratings=ratings,
                movies=movies,
                schema=schema,
                settings=json_utils.dumps(settings),
                **{
                    PUSHED_PREFIX + name: types.Channel(type=standard_artifacts.PushedModel)
                    for name in servables
                },
            )
        )
