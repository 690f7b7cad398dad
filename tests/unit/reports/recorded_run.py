"""Runs recorded in a real metadata store as TFX records them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

COMPLETE, CACHED, FAILED, RUNNING, CANCELED = (
    mlmd.Execution.COMPLETE,
    mlmd.Execution.CACHED,
    mlmd.Execution.FAILED,
    mlmd.Execution.RUNNING,
    mlmd.Execution.CANCELED,
)


class RecordedRuns:
    """An output folder with a metadata store."""

    def __init__(self, output: Path) -> None:
        output.mkdir(parents=True, exist_ok=True)
        self.output = output
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(output / "metadata.sqlite")
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = metadata_store.MetadataStore(config)
        self._contexts = {
            name: self.store.put_context_type(mlmd.ContextType(name=name))
            for name in ("pipeline", "pipeline_run", "node")
        }

    def artifact(self, type_name: str, node_id: str, channel: str, **properties: int | str) -> mlmd.Artifact:
        """An artifact whose folder is there."""
        kind = self.store.put_artifact_type(mlmd.ArtifactType(name=type_name))
        folder = self.output / "artifacts" / node_id / channel / str(len(self.store.get_artifacts()) + 1)
        folder.mkdir(parents=True)
        artifact = mlmd.Artifact(type_id=kind, uri=str(folder), state=mlmd.Artifact.LIVE)
        for name, value in properties.items():
            if isinstance(value, int):
                artifact.custom_properties[name].int_value = value
            else:
                artifact.custom_properties[name].string_value = value
        artifact.id = self.store.put_artifacts([artifact])[0]
        return artifact

    def node(
        self,
        run_id: str,
        node_id: str,
        state: int = COMPLETE,
        *,
        inputs: Mapping[str, mlmd.Artifact] | None = None,
        outputs: Mapping[str, mlmd.Artifact] | None = None,
        error: str = "",
        **properties: str,
    ) -> None:
        """Records an execution of a node."""
        kind = self.store.put_execution_type(mlmd.ExecutionType(name=f"tfx.{node_id}"))
        execution = mlmd.Execution(type_id=kind, last_known_state=state)
        for name, value in properties.items():
            execution.custom_properties[name].string_value = value
        if error:
            status = json.dumps({"code": 13, "resultMessage": error})
            execution.custom_properties["__execution_result__"].string_value = status
        events = [
            (artifact, _event(channel, kind_of_event))
            for kind_of_event, channels in ((mlmd.Event.INPUT, inputs), (mlmd.Event.OUTPUT, outputs))
            for channel, artifact in (channels or {}).items()
        ]
        contexts = [
            mlmd.Context(type_id=self._contexts[name], name=value)
            for name, value in (
                ("pipeline", "movielens"),
                ("pipeline_run", run_id),
                ("node", f"movielens.{node_id}"),
            )
        ]
        self.store.put_execution(execution, events, contexts, reuse_context_if_already_exist=True)


def _event(channel: str, kind: int) -> mlmd.Event:
    event = mlmd.Event(type=kind)
    event.path.steps.add().key = channel
    event.path.steps.add().index = 0
    return event
