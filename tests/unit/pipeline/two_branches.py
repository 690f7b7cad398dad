"""A real TFX pipeline of two nodes that wait for each other, and one that comes after both."""

import contextlib
import logging
import os
import signal
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact, OutputDict, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.types.standard_artifacts import Model

from contracts import artifacts


@component
def Branch(  # noqa: N802
    parent: Parameter[int],  # type: ignore[valid-type]
    pipe: Parameter[str],  # type: ignore[valid-type]
    ending: Parameter[str],  # type: ignore[valid-type]
    model: OutputArtifact[Model],
) -> OutputDict(process=int):  # type: ignore[valid-type]
    """Waits for the other branch; the one outside of the process `parent` may fail or be killed then."""
    elsewhere = os.getpid() != parent
    # A named pipe opens for one side when the other side opens it.
    with open(pipe, "w" if elsewhere else "r"):
        pass
    logging.getLogger(artifacts.PROGRESS_LOGGER).info("rows", extra={"counted": "rows", "count": 7})
    Path(model.uri).mkdir(parents=True, exist_ok=True)
    (Path(model.uri) / "half").write_text("half-written")
    if elsewhere and ending == "raise":
        raise ValueError("cannot train on -3 ratings")
    if elsewhere and ending == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"process": os.getpid()}


@component
def Join(left: int, right: int) -> OutputDict(process=int):  # type: ignore[valid-type]  # noqa: N802
    """Comes after both."""
    return {"process": left + right}


def create(root: Path, ending: str = "return") -> Pipeline:
    """The pipeline with its artifacts and metadata under `root`."""
    pipe = str(root / "pipe")
    with contextlib.suppress(FileExistsError):
        os.mkfifo(pipe)
    left, right = (
        Branch(parent=os.getpid(), pipe=pipe, ending=ending).with_id(name) for name in ("Left", "Right")
    )
    join = Join(left=left.outputs["process"], right=right.outputs["process"])
    return Pipeline(
        pipeline_name="two_branches",
        pipeline_root=str(root / "artifacts"),
        components=[left, right, join],
        metadata_connection_config=sqlite_metadata_connection_config(str(root / "metadata.sqlite")),
        enable_cache=True,
    )
