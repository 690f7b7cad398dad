"""TFX's own local runner, watched: a real pipeline of two nodes that runs, is reused, and fails."""

import json
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto.metadata_store_pb2 import Execution

from pipeline.local_run.node_run import NodeFailedError, NodeRun

# Importing TFX alone takes longer than the tests that are run after every save may take.
pytestmark = pytest.mark.slow


@dataclass
class Notes:
    """An observer that records its notifications."""

    events: list[str] = field(default_factory=list)

    def node_started(self, node_id: str) -> None:
        self.events.append(f"{node_id} started")

    def node_finished(self, node: NodeRun) -> None:
        self.events.append(f"{node.node_id} {'cached' if node.cached else 'done'}")

    def node_failed(self, node_id: str) -> None:
        self.events.append(f"{node_id} failed")

    def note(self, message: str) -> None:
        self.events.append(message)


def _run(root: Path, ratings: int) -> tuple[list[str], list[NodeRun]]:
    from pipeline.local_run import local_dag
    from tests.unit.pipeline import tiny_pipeline

    notes = Notes()
    return notes.events, local_dag.run(tiny_pipeline.create(root, ratings), notes)


def test_first_run_runs_every_node_in_order_and_the_second_reuses_them(tmp_path: Path):
    events, first = _run(tmp_path, 5)
    assert events == ["Count started", "Count done", "Train started", "Train done"]
    events, second = _run(tmp_path, 5)
    assert events == ["Count started", "Count cached", "Train started", "Train cached"]

    [model] = first[1].outputs
    assert (model.channel, model.type_name) == ("model", "Model")
    assert model.properties["summary"] == "5 ratings learnt"
    assert (Path(model.uri) / "weights").read_text() == "5"
    # A reused node names the folder where its outputs are, and not one where they would have gone.
    assert [output.uri for output in second[1].outputs] == [model.uri]


def test_failure_names_node_and_cause_and_leaves_no_half_written_output(tmp_path: Path):
    from pipeline.local_run import local_dag
    from tests.unit.pipeline import tiny_pipeline

    notes = Notes()
    pipeline = tiny_pipeline.create(tmp_path, -3)
    assert local_dag.node_ids(pipeline) == ["Count", "Train"]
    with pytest.raises(NodeFailedError) as error:
        local_dag.run(pipeline, notes)
    assert error.value.node_id == "Train"
    assert str(error.value).startswith("Train: ValueError: cannot train on -3 ratings")
    assert "KeyError: 'missing'" in str(error.value)
    assert notes.events == ["Count started", "Count done", "Train started", "Train failed"]
    assert not list(tmp_path.rglob("half"))

    # What went well before the failure is reused, and a failure is not.
    notes.events.clear()
    with pytest.raises(NodeFailedError):
        local_dag.run(pipeline, notes)
    assert notes.events == ["Count started", "Count cached", "Train started", "Train failed"]


def test_after_a_failure_the_exit_node_runs(tmp_path: Path):
    from pipeline.local_run import local_dag
    from tests.unit.pipeline import tiny_pipeline

    notes = Notes()
    with pytest.raises(NodeFailedError) as error:
        local_dag.run(tiny_pipeline.create(tmp_path, -3, notify=True), notes)
    assert error.value.node_id == "Train"
    assert notes.events == [
        "Count started",
        "Count done",
        "Train started",
        "Train failed",
        "Notify started",
        "Notify done",
    ]
    assert [node.node_id for node in error.value.finished] == ["Count", "Notify"]
    assert _notification(error.value.finished) == {
        "models": 0,
        "final_status": json.dumps({"state": "FAILED", "error": {"message": str(error.value)}}),
    }

    # The page of a failure does not stand in for that of a success, and the other way around.
    notes.events.clear()
    finished = local_dag.run(tiny_pipeline.create(tmp_path, 5, notify=True), notes)
    assert notes.events[-1] == "Notify done"
    assert _notification(finished) == {"models": 1, "final_status": ""}
    assert [node.cached for node in local_dag.run(tiny_pipeline.create(tmp_path, 5, notify=True), notes)] == [
        True,
        True,
        True,
    ]


def _notification(nodes: Sequence[NodeRun]) -> dict[str, Any]:
    [report] = nodes[-1].outputs
    events: dict[str, Any] = json.loads((Path(report.uri) / "status.json").read_text())
    return events


def test_flags_of_the_entry_point_do_not_reach_executors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from tests.unit.pipeline import tiny_pipeline

    argv = ["local_runner.py", "--output", "somewhere"]
    monkeypatch.setattr(sys, "argv", argv)
    _run(tmp_path, 5)
    assert tiny_pipeline.command_line_seen == argv[:1]
    assert sys.argv == argv


def test_a_changed_file_is_named_and_made_again_and_so_is_what_stands_on_it(tmp_path: Path) -> None:
    _, first = _run(tmp_path, 5)
    weights = Path(first[1].outputs[0].uri) / "weights"
    weights.write_text("6")

    events, second = _run(tmp_path, 5)
    assert events == [
        "Count started",
        "Count cached",
        "Train started",
        f"{weights} has changed since it was written; what it belongs to is made again",
        "Train done",
    ]
    assert (Path(second[1].outputs[0].uri) / "weights").read_text() == "5"

    # A value that is handed on is a file of its own.
    value = Path(second[0].outputs[0].uri)
    value.unlink()
    events, _ = _run(tmp_path, 5)
    assert events == [
        "Count started",
        f"{value} is gone; what it belongs to is made again",
        "Count done",
        "Train started",
        "Train done",
    ]
    assert _run(tmp_path, 5)[0] == ["Count started", "Count cached", "Train started", "Train cached"]


def test_outputs_of_an_earlier_version_are_reused_without_digests(tmp_path: Path) -> None:
    _run(tmp_path, 5)
    with sqlite3.connect(tmp_path / "metadata.sqlite") as store:
        # Of the model alone: the properties of an input are part of the cache key of its reader.
        digests = "from ArtifactProperty where name = 'file_digests' and artifact_id = 2"
        assert store.execute(f"delete {digests}").rowcount == 1

    assert _run(tmp_path, 5)[0] == ["Count started", "Count cached", "Train started", "Train cached"]


def test_an_interrupted_run_leaves_nothing_half_done(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, 0)

    with sqlite3.connect(tmp_path / "metadata.sqlite") as store:
        states = [state for (state,) in store.execute("select last_known_state from Execution order by id")]
    assert states == [Execution.COMPLETE, Execution.CANCELED]
    assert not list(tmp_path.rglob("half"))


def test_what_a_killed_run_left_is_cleared_away_before_the_next(tmp_path: Path) -> None:
    from pipeline.local_run import local_dag

    _, first = _run(tmp_path, 5)
    folder = Path(first[1].outputs[0].uri)
    # As if the process had ended while `Train` was writing, which a store cannot record.
    with sqlite3.connect(tmp_path / "metadata.sqlite") as store:
        store.execute("update Execution set last_known_state = ? where id = 2", (Execution.RUNNING,))

    events, second = _run(tmp_path, 5)
    assert events == [
        "Train was cut short in an earlier run; its unfinished outputs are removed",
        "Count started",
        "Count cached",
        "Train started",
        "Train done",
    ]
    assert not folder.exists()
    assert Path(second[1].outputs[0].uri) != folder
    with sqlite3.connect(tmp_path / "metadata.sqlite") as store:
        reasons = "select execution_id, string_value from ExecutionProperty where name = 'stopped'"
        [(execution, reason)] = store.execute(reasons)
        [(state,)] = store.execute("select last_known_state from Execution where id = ?", (execution,))
    assert (state, reason) == (Execution.CANCELED, local_dag.KILLED)


def test_folders_of_a_lost_metadata_store_are_not_mixed_with_new_outputs(tmp_path: Path) -> None:
    _, first = _run(tmp_path, 5)
    folder = Path(first[1].outputs[0].uri)
    (folder / "another shard").touch()
    (tmp_path / "metadata.sqlite").unlink()

    _, second = _run(tmp_path, 5)
    assert Path(second[1].outputs[0].uri) == folder
    assert [path.name for path in folder.iterdir()] == ["weights"]
