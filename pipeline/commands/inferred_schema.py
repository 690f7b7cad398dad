"""Finds and reads the schema that SchemaGen inferred in the latest run."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from google.protobuf import text_format
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.config import PipelineConfig

RATINGS_SCHEMA_GEN: Final = "RatingsSchemaGen"
MOVIES_SCHEMA_GEN: Final = "MoviesSchemaGen"

# TFX's names: the context type of a node, and the file in a Schema artifact.
_NODE_CONTEXT: Final = "node"
_SCHEMA_FILE: Final = "schema.pbtxt"


class SchemaReviewError(ValueError):
    """One clear message: which run, file or feature is wrong, and what to do."""


def read_schema(path: Path) -> schema_pb2.Schema:
    """Reads a schema in text form.

    Raises:
      SchemaReviewError: the file cannot be read or is not a Schema.
    """
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), schema_pb2.Schema())
    except OSError as error:
        raise SchemaReviewError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SchemaReviewError(f"{path}: is not UTF-8 text") from error
    except text_format.ParseError as error:
        # The parser's message starts with line and column.
        raise SchemaReviewError(f"{path}:{error}") from error


def inferred_schema_path(output: str, node_id: str) -> Path:
    """Returns the file that the latest finished run of a SchemaGen wrote or took from the cache.

    Args:
      output: the output folder of the runs.
      node_id: id of the SchemaGen node.

    Raises:
      SchemaReviewError: there is no such run.
    """
    metadata = Path(PipelineConfig(output=output).metadata_path)
    if not metadata.is_file():
        raise SchemaReviewError(
            f"no run has written to {output!r} ({metadata} is not there); "
            f"name the output folder of a run with --output, or run local_runner.py first"
        )
    _check_is_sqlite(metadata)
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(metadata)
    connection.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    for artifact in _schemas_newest_first(metadata_store.MetadataStore(connection), node_id):
        return Path(artifact.uri) / _SCHEMA_FILE
    raise SchemaReviewError(
        f"no run in {output!r} has finished {node_id}; run local_runner.py with the same --output"
    )


def _check_is_sqlite(path: Path) -> None:
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as connection:
            connection.execute("select count(*) from Context")
    except sqlite3.Error as error:
        raise SchemaReviewError(f"{path}: is not metadata of a run ({error})") from error


def _schemas_newest_first(
    store: metadata_store.MetadataStore, node_id: str
) -> Iterator[metadata_store_pb2.Artifact]:
    # A run that reuses an older schema is an execution of its own, so the executions show which is the
    # latest and the artifacts' ids do not.
    execution, event = metadata_store_pb2.Execution, metadata_store_pb2.Event
    executions = {
        found.id: found
        for context in store.get_contexts_by_type(_NODE_CONTEXT)
        if context.name.endswith(f".{node_id}")
        for found in store.get_executions_by_context(context.id)
        if found.last_known_state in (execution.COMPLETE, execution.CACHED)
    }
    for execution_id in sorted(executions, reverse=True):
        written = [
            found.artifact_id
            for found in store.get_events_by_execution_ids([execution_id])
            if found.type == event.OUTPUT
        ]
        for artifact in store.get_artifacts_by_id(written):
            if artifact.type == "Schema" and artifact.state == metadata_store_pb2.Artifact.LIVE:
                yield artifact
