"""Runs the real pipeline in this process as far as the data gate lets it, and changes data in known ways."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from movielens.layouts import Layout
from movielens.readers import parse_movies
from movielens.records import Movie
from pipeline.config import load_config
from pipeline.local_run import local_dag
from pipeline.local_run.node_run import NodeFailedError, NodeRun, OutputArtifact
from pipeline.pipeline import create_pipeline

# What runs in the first place once the gate has let the data through.
AFTER_THE_GATE = "Transform"

# Columns of u.data.
USER, MOVIE, STARS, SECONDS = range(4)


class _PassedError(Exception):
    """The gate let the data through, which is all that is checked."""


@dataclass
class GatedRun:
    """How far a run came.

    Attributes:
      started: the nodes in their order.
      finished: the nodes that ended well.
      error: what the run failed with, "" if the gate let the data through.
    """

    started: list[str] = field(default_factory=list)
    finished: dict[str, NodeRun] = field(default_factory=dict)
    error: str = ""

    def node_started(self, node_id: str) -> None:
        self.started.append(node_id)

    def node_finished(self, node: NodeRun) -> None:
        self.finished[node.node_id] = node
        if node.node_id == "DataGate":
            raise _PassedError

    def node_failed(self, node_id: str) -> None:
        """As in the error."""

    def note(self, message: str) -> None:
        """As in its outcome."""

    @property
    def result(self) -> OutputArtifact:
        """What the gate gave out."""
        [found] = [out for out in self.finished["DataGate"].outputs if out.channel == "gate_result"]
        return found

    @property
    def kept(self) -> Path:
        """The record of a refusal, at the place that the error names."""
        return Path(self.error.split("Every check is in ")[1].split(". ")[0])

    @property
    def record(self) -> dict[str, Any]:
        """The record of the gate, from the artifact or from where it was kept."""
        path = self.kept if self.error else Path(self.result.uri) / "data_gate.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def checks(self, verdict: str) -> list[tuple[str, str]]:
        """Feature and kind of the checks that came out so."""
        return [
            (check["feature"], check["name"])
            for check in self.record["checks"]
            if check["verdict"] == verdict
        ]


def run_to_gate(folder: Path, output: Path, *overrides: str) -> GatedRun:
    """Runs the whole DAG over `folder` and stops it where the gate has decided."""
    output.mkdir(parents=True, exist_ok=True)
    series = f"data_gate.series={folder.name}"
    config = load_config(None, [f"output={output}", f"data_dir={folder}", series, *overrides])
    run = GatedRun()
    try:
        local_dag.run(create_pipeline(config), run)
    except _PassedError:
        pass
    except NodeFailedError as error:
        run.error = str(error)
    return run


def changed(folder: Path, name: str, file: str, change: Callable[[list[list[str]]], list[list[str]]]) -> Path:
    """A copy of the 100k data in a folder of the same name, with the rows of `file` changed."""
    separator = "\t" if file == "u.data" else "|"
    copy = shutil.copytree(folder, folder.parent.parent / name / folder.name)
    path = copy / file
    rows = [line.split(separator) for line in path.read_text("latin-1").splitlines()]
    path.write_text("".join(f"{separator.join(row)}\n" for row in change(rows)), "latin-1")
    return copy


def as_csv(folder: Path, target: Path) -> Path:
    """The same ratings and movies in the CSV layout, which writes genres and columns by name."""
    target.mkdir(parents=True)
    lines = (folder / "u.item").read_bytes().splitlines()
    movies = [movie for _, movie in parse_movies(lines, Layout.ML_100K, "u.item") if isinstance(movie, Movie)]
    ratings = [line.split("\t") for line in (folder / "u.data").read_text().splitlines()]
    for name, header, rows in (
        (
            "movies.csv",
            ["movieId", "title", "genres"],
            [[m.movie_id, m.title, "|".join(m.genres)] for m in movies],
        ),
        ("ratings.csv", ["userId", "movieId", "rating", "timestamp"], ratings),
    ):
        with (target / name).open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, lineterminator="\n").writerows([header, *rows])
    return target
