"""A real TFX pipeline of two small nodes, for the tests of what runs a pipeline."""

import sys
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact, OutputDict, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
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
    """Writes a model, or refuses."""
    command_line_seen[:] = sys.argv
    if count < 0:
        Path(model.uri).mkdir(parents=True, exist_ok=True)
        (Path(model.uri) / "half").write_text("half-written")
        try:
            {}["missing"]
        except KeyError as error:
            raise ValueError(f"cannot train on {count} ratings") from error
    Path(model.uri).mkdir(parents=True, exist_ok=True)
    (Path(model.uri) / "weights").write_text(str(count))
    model.set_string_custom_property("figure", f"{count:,} ratings learnt")


def create(root: Path, ratings: int) -> Pipeline:
    """The pipeline `Count` -> `Train` with its artifacts and metadata under `root`."""
    count = Count(ratings=ratings)
    train = Train(count=count.outputs["count"])
    return Pipeline(
        pipeline_name="tiny",
        pipeline_root=str(root / "artifacts"),
        components=[train, count],
        metadata_connection_config=sqlite_metadata_connection_config(str(root / "metadata.sqlite")),
        enable_cache=True,
    )
