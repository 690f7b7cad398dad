"""`AtomicPusher`: the stock Pusher with atomic versions, manifests, warm-up requests and retention."""

from collections.abc import Mapping, Sequence

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import pusher_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components.atomic_pusher.executor import (
    BLESSINGS,
    CODE,
    EVALUATION_KEY,
    KEEP_VERSIONS,
    MEASURED_ON,
    MOVIES_KEY,
    PINNED_VERSIONS,
    RATINGS_KEY,
    SCHEMA_KEY,
    SERIES,
    SERVED_MODEL_KEY,
    AtomicPusherExecutor,
)


class AtomicPusherSpec(component_spec.ComponentSpec):
    """The stock Pusher's spec with the inputs that the manifest and the warm-up requests are made of."""

    PARAMETERS = standard_component_specs.PusherSpec.PARAMETERS
    INPUTS = {
        **standard_component_specs.PusherSpec.INPUTS,
        EVALUATION_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.ModelEvaluation, optional=True
        ),
        SERVED_MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
        RATINGS_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        MOVIES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        SCHEMA_KEY: component_spec.ChannelParameter(type=standard_artifacts.Schema),
    }
    OUTPUTS = standard_component_specs.PusherSpec.OUTPUTS
    TYPE_ANNOTATION = standard_component_specs.PusherSpec.TYPE_ANNOTATION


class AtomicPusher(base_component.BaseComponent):
    """Pushes a blessed model as the next version for TensorFlow Serving.

    Where the stock Pusher copies in place under the current second, this one writes a version beside the
    others, flushes it and renames it, so that no server sees half of it. Numbers rise whatever the clock
    does. Each version has `assets.extra/manifest.json`, which records its origin, and warm-up requests.
    A model that is there already is not pushed a second time.

    Args:
        model: the model.
        base_directory: the folder that the server watches; its name is the model's name there.
        ratings: raw `ratings` Examples with a split `eval`: data fingerprint, and ids for warm-up requests.
        movies: raw `movies` Examples: data fingerprint.
        schema: the schema that the data was held to.
        keep_versions: how many versions stay, the new one included; the oldest go.
        pinned_versions: versions that stay whatever their age.
        measured_on: split and data of the metrics, for people.
        series: what models are called that may be compared with this one.
        code: fingerprints of sources by what they do; for the manifest and the cache key.
        model_blessing: pushed only if it is there and blessed; optional.
        infra_blessing: pushed only if it is there and blessed; optional.
        evaluation: its metrics go into the manifest; optional.
        served_model: what the model was compared with, of `ServedModel`, for the manifest; optional.
    """

    SPEC_CLASS = AtomicPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(AtomicPusherExecutor)

    def __init__(
        self,
        model: types.BaseChannel,
        base_directory: str,
        ratings: types.BaseChannel,
        movies: types.BaseChannel,
        schema: types.BaseChannel,
        keep_versions: int,
        measured_on: str,
        code: Mapping[str, str],
        series: str = "",
        pinned_versions: Sequence[int] = (),
        model_blessing: types.BaseChannel | None = None,
        infra_blessing: types.BaseChannel | None = None,
        evaluation: types.BaseChannel | None = None,
        served_model: types.BaseChannel | None = None,
    ) -> None:
        destination = pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=base_directory)
        )
        blessings = {
            standard_component_specs.MODEL_BLESSING_KEY: model_blessing,
            standard_component_specs.INFRA_BLESSING_KEY: infra_blessing,
        }
        settings = {
            BLESSINGS: [name for name, channel in blessings.items() if channel is not None],
            KEEP_VERSIONS: keep_versions,
            PINNED_VERSIONS: list(pinned_versions),
            MEASURED_ON: measured_on,
            CODE: dict(code),
            SERIES: series,
        }
        super().__init__(
            spec=AtomicPusherSpec(
                model=model,
                model_blessing=model_blessing,
                infra_blessing=infra_blessing,
                evaluation=evaluation,
                served_model=served_model,
                ratings=ratings,
                movies=movies,
                schema=schema,
                push_destination=destination,
                custom_config=json_utils.dumps(settings),
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
