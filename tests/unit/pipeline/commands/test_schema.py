"""`python -m pipeline schema ...` as a person runs it, on a copy of the project and a real metadata store."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from google.protobuf import text_format
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.commands.inferred_schema import (
    MOVIES_SCHEMA_GEN,
    RATINGS_SCHEMA_GEN,
    SchemaReviewError,
    inferred_schema_path,
    read_schema,
)
from schema import MOVIES_SCHEMA, RATINGS_SCHEMA

pytestmark = pytest.mark.slow

PROJECT = Path(RATINGS_SCHEMA).parents[1]


class Runs:
    """An output folder, with metadata as TFX writes them."""

    def __init__(self, output: Path) -> None:
        self.output = output
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(output / "metadata.sqlite")
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = metadata_store.MetadataStore(config)
        self.artifact_type = self.store.put_artifact_type(mlmd.ArtifactType(name="Schema"))
        self.execution_type = self.store.put_execution_type(mlmd.ExecutionType(name="tfx.SchemaGen"))
        self.context_type = self.store.put_context_type(mlmd.ContextType(name="node"))

    def schema(self, node_id: str, text: str, artifact_state: int = mlmd.Artifact.LIVE) -> mlmd.Artifact:
        """Writes a schema and records it; `run` is the run that made it."""
        folder = self.output / "artifacts" / node_id / str(len(self.store.get_artifacts()))
        folder.mkdir(parents=True)
        (folder / "schema.pbtxt").write_text(text)
        artifact = mlmd.Artifact(type_id=self.artifact_type, uri=str(folder), state=artifact_state)
        artifact.id = self.store.put_artifacts([artifact])[0]
        return artifact

    def run(self, node_id: str, artifact: mlmd.Artifact, state: int = mlmd.Execution.COMPLETE) -> Path:
        """Records an execution of `node_id` with this output and returns the file in it."""
        execution = mlmd.Execution(type_id=self.execution_type, last_known_state=state)
        context = mlmd.Context(type_id=self.context_type, name=f"movielens.{node_id}")
        event = mlmd.Event(type=mlmd.Event.OUTPUT)
        self.store.put_execution(
            execution, [(artifact, event)], [context], reuse_context_if_already_exist=True
        )
        return Path(artifact.uri) / "schema.pbtxt"


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    output = tmp_path / "runs"
    output.mkdir()
    return Runs(output)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the packages that the command needs, so that it can write to the schemas."""
    for package in ("pipeline", "schema", "trainer_module"):
        shutil.copytree(
            PROJECT / package, tmp_path / "project" / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return tmp_path / "project"


def with_noir(path: Path) -> str:
    """A curated schema's text, with another genre and a new feature."""
    return path.read_text().replace('"IMAX"', '"Noir"') + '\nfeature { name: "mood" type: BYTES }\n'


def command(
    project: Path, *args: str, stdin: int | None = subprocess.DEVNULL
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "schema", *args],
        cwd=project,
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_latest_finished_run_counts_even_if_it_reused_an_older_schema(runs: Runs) -> None:
    first = runs.schema(RATINGS_SCHEMA_GEN, "")
    second = runs.schema(RATINGS_SCHEMA_GEN, "")
    deleted = runs.schema(RATINGS_SCHEMA_GEN, "", mlmd.Artifact.DELETED)
    runs.run(RATINGS_SCHEMA_GEN, first)
    runs.run(RATINGS_SCHEMA_GEN, second)
    runs.run("Other" + RATINGS_SCHEMA_GEN, runs.schema("Other", ""))
    cached = runs.run(RATINGS_SCHEMA_GEN, first, mlmd.Execution.CACHED)
    runs.run(RATINGS_SCHEMA_GEN, second, mlmd.Execution.FAILED)
    runs.run(RATINGS_SCHEMA_GEN, deleted)
    assert inferred_schema_path(str(runs.output), RATINGS_SCHEMA_GEN) == cached


@pytest.mark.slow
def test_it_finds_what_tfx_wrote(tmp_path: Path) -> None:
    import tensorflow_data_validation as tfdv
    from tfx.components import SchemaGen
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.metadata import sqlite_metadata_connection_config
    from tfx.orchestration.pipeline import Pipeline
    from tfx.types.standard_artifacts import ExampleStatistics

    def run(day: str) -> str:
        """Runs SchemaGen on a table that has one column, named like the day."""
        folder = tmp_path / day
        if not folder.exists():
            (folder / "Split-train").mkdir(parents=True)
            statistics = tfdv.generate_statistics_from_dataframe(pd.DataFrame({day: ["a", "b"]}))
            (folder / "Split-train" / "FeatureStats.pb").write_bytes(statistics.SerializeToString())
        statistics_of_day = Importer(
            source_uri=str(folder),
            artifact_type=ExampleStatistics,
            properties={"split_names": '["train"]', "span": 0},
        ).with_id("Statistics")
        schema_gen = SchemaGen(statistics_of_day.outputs["result"]).with_id(RATINGS_SCHEMA_GEN)
        LocalDagRunner().run(
            Pipeline(
                pipeline_name="movielens",
                pipeline_root=str(tmp_path / "artifacts"),
                components=[statistics_of_day, schema_gen],
                enable_cache=True,
                metadata_connection_config=sqlite_metadata_connection_config(
                    str(tmp_path / "metadata.sqlite")
                ),
            )
        )
        return read_schema(inferred_schema_path(str(tmp_path), RATINGS_SCHEMA_GEN)).feature[0].name

    assert [run(day) for day in ("monday", "tuesday", "monday")] == ["monday", "tuesday", "monday"]
    assert len(list((tmp_path / "artifacts" / RATINGS_SCHEMA_GEN / "schema").iterdir())) == 2


def test_review_of_equal_and_of_different_schemas(runs: Runs, project: Path) -> None:
    runs.run(RATINGS_SCHEMA_GEN, runs.schema(RATINGS_SCHEMA_GEN, RATINGS_SCHEMA.read_text()))
    runs.run(MOVIES_SCHEMA_GEN, runs.schema(MOVIES_SCHEMA_GEN, with_noir(MOVIES_SCHEMA)))
    both = command(project, "review", "--output", str(runs.output))
    assert (both.returncode, both.stderr) == (1, "")
    shown = both.stdout.splitlines()
    assert shown[0].startswith("schema/ratings.pbtxt -> ")
    assert shown[0].endswith(": no difference")
    assert shown[1].startswith("schema/movies.pbtxt -> ")
    assert shown[2:] == [
        "  ~ movie_genres",
        "      domain: 21 values -> 21 values: +'Noir' -'IMAX'",
        "  + mood  only in the data",
        "      type: BYTES",
    ]
    ratings = command(project, "review", "--output", str(runs.output), "--of", "ratings")
    assert ratings.returncode == 0
    assert "movies" not in ratings.stdout.replace(str(runs.output), "")


def test_adopt_changes_what_was_named_and_then_everything(runs: Runs, project: Path) -> None:
    runs.run(RATINGS_SCHEMA_GEN, runs.schema(RATINGS_SCHEMA_GEN, with_noir(RATINGS_SCHEMA)))
    runs.run(MOVIES_SCHEMA_GEN, runs.schema(MOVIES_SCHEMA_GEN, with_noir(MOVIES_SCHEMA)))
    output = ("--output", str(runs.output))
    one = command(project, "adopt", "mood", "--of", "movies", "--yes", *output)
    assert (one.returncode, one.stderr) == (0, "")
    assert one.stdout.endswith("schema/movies.pbtxt: adopted mood\n")
    movies, ratings = project / "schema" / "movies.pbtxt", project / "schema" / "ratings.pbtxt"
    assert '"mood"' in movies.read_text()
    assert '"Noir"' not in movies.read_text()
    assert ratings.read_text() == RATINGS_SCHEMA.read_text()
    everything = command(project, "adopt", "--yes", *output)
    assert everything.returncode == 0
    assert command(project, "review", *output).returncode == 0
    assert read_schema(ratings).feature[-1] == schema_pb2.Feature(name="mood", type=schema_pb2.BYTES)
    again = command(project, "adopt", "--yes", *output)
    assert (again.returncode, again.stdout) == (
        0,
        "nothing to adopt: none of the data's features is new or changed\n",
    )


@pytest.mark.parametrize(("answer", "status", "adopted"), [("n", 1, False), ("y", 0, True)])
def test_adopt_requires_confirmation(
    runs: Runs, project: Path, answer: str, status: int, adopted: bool
) -> None:
    runs.run(MOVIES_SCHEMA_GEN, runs.schema(MOVIES_SCHEMA_GEN, with_noir(MOVIES_SCHEMA)))
    terminal, stdin = pty.openpty()
    os.write(terminal, f"{answer}\n".encode())
    done = command(project, "adopt", "--of", "movies", "--output", str(runs.output), stdin=stdin)
    os.close(stdin)
    os.close(terminal)
    assert "Write this to schema/movies.pbtxt? [y/N]" in done.stdout
    assert done.returncode == status
    assert ("mood" in (project / "schema" / "movies.pbtxt").read_text()) is adopted


def test_adopt_never_removes_and_never_guesses(runs: Runs, project: Path) -> None:
    schema = text_format.Parse(with_noir(MOVIES_SCHEMA), schema_pb2.Schema())
    del schema.feature[0]
    runs.run(MOVIES_SCHEMA_GEN, runs.schema(MOVIES_SCHEMA_GEN, text_format.MessageToString(schema)))
    args = ("--of", "movies", "--output", str(runs.output))
    before = (project / "schema" / "movies.pbtxt").read_text()
    for names, message in (
        (["movie_id"], "the data of the latest run does not have 'movie_id'"),
        (["mode"], "no feature 'mode'; there are mood, movie_genres, movie_id"),
        (["mood"], "there is no terminal to confirm on; repeat the command with --yes"),
    ):
        done = command(project, "adopt", *names, *args)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {message}")
        assert done.stderr.count("\n") == 1
    assert (project / "schema" / "movies.pbtxt").read_text() == before


def test_no_run_is_one_clear_error(project: Path, tmp_path: Path) -> None:
    done = command(project, "review", "--output", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: no run has written to ")
    assert "--output" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "nowhere").exists()


def test_unusable_metadata_and_schemas_are_named(runs: Runs, tmp_path: Path) -> None:
    with pytest.raises(SchemaReviewError, match="has finished RatingsSchemaGen"):
        inferred_schema_path(str(runs.output), RATINGS_SCHEMA_GEN)
    other = tmp_path / "other"
    other.mkdir()
    (other / "metadata.sqlite").write_text("not a database, but long enough to be taken for one")
    with pytest.raises(SchemaReviewError, match=r"metadata\.sqlite: is not metadata of a run"):
        inferred_schema_path(str(other), RATINGS_SCHEMA_GEN)
    broken = tmp_path / "broken.pbtxt"
    broken.write_text('feature {\n  name: "id"\n  typo: BYTES\n}\n')
    with pytest.raises(SchemaReviewError, match=r"broken\.pbtxt:3:3 : .*typo"):
        read_schema(broken)
    with pytest.raises(SchemaReviewError, match="cannot be read"):
        read_schema(tmp_path / "gone.pbtxt")
