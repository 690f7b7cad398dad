"""`ServedModel`: gives out the version that is served, for an Evaluator to compare a candidate with."""

import json
from collections.abc import Sequence

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.served_model.driver import ServedModelDriver
from components.served_model.executor import (
    BASE_DIRECTORY_KEY,
    BASELINE_KEY,
    CODE_FINGERPRINT_KEY,
    EXAMPLES_KEY,
    MODEL_KEY,
    REPLACE_UNREADABLE_KEY,
    SERIES_KEY,
    ServedModelExecutor,
)
from contracts.artifacts import SERVED_MODEL


class ServedModelSpec(component_spec.ComponentSpec):
    """The candidate and today's Examples in, the served model out."""

    PARAMETERS = {
        name: component_spec.ExecutionParameter(type=str)
        for name in (
            BASE_DIRECTORY_KEY,
            SERIES_KEY,
            REPLACE_UNREADABLE_KEY,
            CODE_FINGERPRINT_KEY,
            BASELINE_KEY,
        )
    }
    INPUTS = {
        MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {SERVED_MODEL: component_spec.ChannelParameter(type=standard_artifacts.Model)}


class ServedModel(base_component.BaseComponent):
    """Reads the push destination, where a Resolver would query the metadata store: so it works everywhere.

    The version is tried on today's Examples, in a process of its own, and copied, because retention may
    remove it. Where there is nothing to compare with, the candidate stands in for it: nothing is served yet,
    what is served was made from other data or another split, or a setting allows to replace a version that
    can no longer be evaluated.

    Component `outputs` contains:
     - `served_model`: `Model`, with the custom properties of `components.served_model.names`.

    Args:
      model: the candidate.
      examples: raw `ratings` Examples with a split `eval`.
      base_directory: the push destination.
      series: data and split that the candidate is made from; only versions of the same are compared with.
      replace_unreadable: versions, such as `retrieval/1764098765`, that may be replaced without a comparison
        if they cannot be evaluated.
      code_fingerprint: digest of the source of the component, so that a change of code misses the cache.
    """

    SPEC_CLASS = ServedModelSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ServedModelExecutor)
    DRIVER_CLASS = ServedModelDriver

    def __init__(
        self,
        model: types.BaseChannel,
        examples: types.BaseChannel,
        base_directory: str,
        series: str,
        replace_unreadable: Sequence[str] = (),
        code_fingerprint: str = "",
    ) -> None:
        super().__init__(
            spec=ServedModelSpec(
                model=model,
                examples=examples,
                base_directory=base_directory,
                series=series,
                replace_unreadable=json.dumps(sorted(replace_unreadable)),
                code_fingerprint=code_fingerprint,
                baseline="",  # The driver's to fill in.
                served_model=types.Channel(type=standard_artifacts.Model),
            )
        )
