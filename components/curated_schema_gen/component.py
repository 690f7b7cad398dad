"""`CuratedSchemaGen`: what ImportSchemaGen does, keyed by the schema's text and not by its path."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components.curated_schema_gen.executor import SCHEMA_TEXT_KEY, CuratedSchemaGenExecutor


class CuratedSchemaGenSpec(component_spec.ComponentSpec):
    """One text in, one schema out."""

    PARAMETERS = {SCHEMA_TEXT_KEY: component_spec.ExecutionParameter(type=str)}
    INPUTS: dict[str, component_spec.ChannelParameter] = {}
    OUTPUTS = {
        standard_component_specs.SCHEMA_KEY: component_spec.ChannelParameter(type=standard_artifacts.Schema)
    }


class CuratedSchemaGen(base_component.BaseComponent):
    """Brings the curated schema into the pipeline.

    The stock ImportSchemaGen takes a path: an edit of the file does not miss the cache, and a container on
    Kubeflow does not have it. Here the text is the parameter.

    Args:
      schema_text: a `tensorflow_metadata.v0.Schema` in text format.
    """

    SPEC_CLASS = CuratedSchemaGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(CuratedSchemaGenExecutor)

    def __init__(self, schema_text: str) -> None:
        super().__init__(
            spec=CuratedSchemaGenSpec(
                schema_text=schema_text, schema=types.Channel(type=standard_artifacts.Schema)
            )
        )
