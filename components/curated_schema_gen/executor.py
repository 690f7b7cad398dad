"""The work of `CuratedSchemaGen`."""

import os
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.schema_gen.executor import DEFAULT_FILE_NAME
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils

# The execution parameter that holds the schema.
SCHEMA_TEXT_KEY = "schema_text"


class CuratedSchemaGenExecutor(base_executor.BaseExecutor):
    """Writes the text where TFX's components look for a schema."""

    def Do(  # noqa: N802 - the base class's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the schema.

        Raises:
          google.protobuf.text_format.ParseError: naming line and column where the text is not a schema.
        """
        text = exec_properties[SCHEMA_TEXT_KEY]
        text_format.Parse(text, schema_pb2.Schema())
        uri = artifact_utils.get_single_uri(output_dict[standard_component_specs.SCHEMA_KEY])
        io_utils.write_string_file(os.path.join(uri, DEFAULT_FILE_NAME), text)
