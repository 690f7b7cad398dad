"""A real TFX pipeline of two or three small nodes, for the tests of what runs a pipeline."""

import json
import sys
from pathlib import Path
from typing import ClassVar

from tfx.dsl.component.experimental.annotations import OutputArtifact, OutputDict, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Channel, component_spec
from tfx.types.experimental import simple_artifacts
from tfx.types.standard_artifacts import Model

# What `Train` found in `sys.argv`.
command_line_seen: list[str] = []


@component
def Count(ratings: Parameter[int]) -> OutputDict(count=int):  # type: ignore[valid-type]  # noqa: N802
    """Gives a number to the next node."""
    return {"count": ratings}


@component
def Train(  # noqa: N802
    count: int, model: OutputArtifact[Model]
) -> None:
    """Writes a model; refuses for less than no ratings, and is interrupted for none."""
    command_line_seen[:] = sys.argv
    if count <= 0:
        Path(model.uri).mkdir(parents=True, exist_ok=True)
        (Path(model.uri) / "half").write_text("half-written")
    if count == 0:
        raise KeyboardInterrupt
    if count < 0:
        try:
            {}["missing"]
        except KeyError as error:
            raise ValueError(f"cannot train on {count} ratings") from error
    Path(model.uri).mkdir(parents=True, exist_ok=True)
    (Path(model.uri) / "weights").write_text(str(count))
    model.set_string_custom_property("summary", f"{count:,} ratings learnt")


class StatusWriter(base_executor.BaseExecutor):
    """Writes down the final status that the node received, and which models it found."""

    def Do(self, input_dict, output_dict, exec_properties) -> None:  # type: ignore[no-untyped-def]  # noqa: N802
        [report] = output_dict["report"]
        Path(report.uri).mkdir(parents=True, exist_ok=True)
        notified = {"models": len(input_dict["model"]), "final_status": exec_properties["final_status"]}
        (Path(report.uri) / "status.json").write_text(json.dumps(notified))


class NotifySpec(component_spec.ComponentSpec):
    PARAMETERS: ClassVar = {"final_status": component_spec.ExecutionParameter(type=str)}
    INPUTS: ClassVar = {"model": component_spec.ChannelParameter(type=Model, optional=True)}
    OUTPUTS: ClassVar = {"report": component_spec.ChannelParameter(type=simple_artifacts.File)}


class Notify(base_component.BaseComponent):
    """Runs also where a node has failed."""

    SPEC_CLASS = NotifySpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(StatusWriter)


def create(root: Path, ratings: int, *, notify: bool = False) -> Pipeline:
    """The pipeline `Count` -> `Train` with its artifacts and metadata under `root`; `notify` adds a node."""
    count = Count(ratings=ratings)
    train = Train(count=count.outputs["count"])
    report = Channel(type=simple_artifacts.File)
    notified = (
        [Notify(NotifySpec(final_status="", model=train.outputs["model"], report=report))] if notify else []
    )
    return Pipeline(
        pipeline_name="tiny",
        pipeline_root=str(root / "artifacts"),
        components=[*notified, train, count],
        metadata_connection_config=sqlite_metadata_connection_config(str(root / "metadata.sqlite")),
        enable_cache=True,
    )
