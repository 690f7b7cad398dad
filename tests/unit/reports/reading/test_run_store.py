"""Runs are read as they were recorded: states, artifacts, settings, data, and what came before."""

import json
import shutil
from pathlib import Path

import pytest

from reports.errors import ReportError
from reports.reading.run_data import ABOUT, NodeState
from reports.reading.run_store import list_runs, load_run, load_runs
from reports.run.lineage import edges_of
from tests.unit.reports.recorded_run import CACHED, CANCELED, FAILED, RecordedRuns

FIRST, SECOND, THIRD = "2026-01-30T08:00:00", "2026-01-31T08:00:00", "2026-01-31T09:00:00"


@pytest.fixture
def runs(tmp_path: Path) -> RecordedRuns:
    return RecordedRuns(tmp_path / "runs")


def ingest(runs: RecordedRuns, run_id: str, folder: Path) -> None:
    """Records a run of RatingsGen on new data, and of the node that takes its Examples."""
    custom = {"custom_config": {"value": {"settings": {"split": "temporal", "history_length": 50.0}}}}
    examples = runs.artifact("Examples", "RatingsGen", "examples", rows_read=7, tfx_version="1.16.0")
    runs.node(
        run_id,
        "RatingsGen",
        outputs={"examples": examples},
        input_base=str(folder),
        custom_config=json.dumps(custom),
        input_fingerprint="split:u.data,num_files:1,total_bytes:1234,xor_checksum:9\n"
        "split:ratings.csv,num_files:0,total_bytes:0,xor_checksum:0",
    )
    statistics = runs.artifact("ExampleStatistics", "RatingsStatistics", "statistics")
    runs.node(run_id, "RatingsStatistics", inputs={"examples": examples}, outputs={"statistics": statistics})


def test_nodes_and_artifacts(runs: RecordedRuns, tmp_path: Path) -> None:
    (tmp_path / "ml-tiny").mkdir()
    ingest(runs, FIRST, tmp_path / "ml-tiny")

    run = load_run(runs.output)

    assert (run.id, run.pipeline_name, run.data_name, run.synthetic) == (FIRST, "movielens", "ml-tiny", False)
    assert [(node.id, node.state) for node in run.nodes] == [
        ("RatingsGen", NodeState.DONE),
        ("RatingsStatistics", NodeState.DONE),
    ]
    assert all(node.seconds is not None and node.seconds >= 0 for node in run.nodes)
    examples = run.artifact("RatingsGen", "examples")
    assert examples is not None
    assert examples.type_name == "Examples"
    assert examples.properties["rows_read"] == 7
    assert edges_of(run) == {"RatingsGen": set(), "RatingsStatistics": {"RatingsGen"}}
    assert run.versions == {"TFX": "1.16.0"}
    assert run.config == {
        "data_dir": str(tmp_path / "ml-tiny"),
        "data": {"split": "temporal", "history_length": 50},
    }


def test_an_artifact_that_is_gone_is_none(runs: RecordedRuns, tmp_path: Path) -> None:
    ingest(runs, FIRST, tmp_path)
    shutil.rmtree(runs.output / "artifacts" / "RatingsGen")

    assert load_run(runs.output).artifact("RatingsGen", "examples") is None


def test_a_folder_that_has_moved_still_has_its_artifacts(runs: RecordedRuns, tmp_path: Path) -> None:
    ingest(runs, FIRST, tmp_path)
    moved = runs.output.rename(tmp_path / "elsewhere")

    found = load_run(moved).artifact("RatingsGen", "examples")

    assert found is not None
    assert moved in found.folder.parents


def test_the_synthetic_sample_is_named_as_such(runs: RecordedRuns) -> None:
    sample = runs.output / "sample-10-1-1-42"
    sample.mkdir()
    (sample / "synthetic_sample.json").write_text("{}")
    ingest(runs, FIRST, sample)

    run = load_run(runs.output)

    assert (run.data_name, run.synthetic) == ("synthetic sample", True)


def test_a_failed_run_shows_why_and_what_did_not_run(runs: RecordedRuns, tmp_path: Path) -> None:
    ingest(runs, FIRST, tmp_path)
    trace = "Traceback (most recent call last):\n  File x\nDatasetError: u.data is bad [while running 'Read']"
    runs.node(SECOND, "RatingsGen", FAILED, error=trace)

    run = load_run(runs.output, SECOND)

    assert run.failure == "RatingsGen: DatasetError: u.data is bad"
    assert [(node.id, node.state) for node in run.nodes] == [
        ("RatingsGen", NodeState.FAILED),
        ("RatingsStatistics", NodeState.NOT_RUN),
    ]
    assert run.data_name == "unknown data"


def test_a_run_that_was_killed_failed_in_the_node_that_was_cut_short(
    runs: RecordedRuns, tmp_path: Path
) -> None:
    runs.node(SECOND, "RatingsGen", CANCELED, error="the run was killed")

    run = load_run(tmp_path / "runs")

    assert run.failure == "RatingsGen: the run was killed"
    node = run.node("RatingsGen")
    assert node is not None
    assert (node.state, node.error, node.seconds) == (NodeState.FAILED, "the run was killed", None)


def test_what_the_report_node_was_given_comes_first(runs: RecordedRuns) -> None:
    about = {
        "config": {"seed": 7},
        "nodes": ["RatingsGen", "Transform"],
        "planned": {"Transform": ["RatingsGen"]},
    }
    runs.node(FIRST, "ReportGen", **{ABOUT: json.dumps(about)})

    run = load_run(runs.output)

    assert run.config == {"seed": 7}
    assert [node.id for node in run.nodes] == ["ReportGen", "RatingsGen", "Transform"]
    assert run.planned == {"Transform": ("RatingsGen",)}


def test_runs_before(runs: RecordedRuns, tmp_path: Path) -> None:
    ingest(runs, FIRST, tmp_path)
    ingest(runs, SECOND, tmp_path)
    reused = runs.store.get_artifacts_by_type("Examples")[-1]
    runs.node(THIRD, "RatingsGen", CACHED, outputs={"examples": reused}, input_base=str(tmp_path))

    run = load_run(runs.output)

    assert list_runs(runs.output) == [FIRST, SECOND, THIRD]
    assert run.node("RatingsGen").state is NodeState.CACHED  # type: ignore[union-attr]
    assert run.previous is not None
    assert run.previous.id == SECOND
    assert load_run(runs.output, FIRST).previous is None
    assert [found.id for found in load_runs(runs.output, most=2)] == [SECOND, THIRD]


def test_which_run(runs: RecordedRuns, tmp_path: Path) -> None:
    for run_id in (FIRST, SECOND, THIRD):
        ingest(runs, run_id, tmp_path)

    assert load_run(runs.output, "2026-01-30").id == FIRST
    assert load_run(runs.output, "latest").id == THIRD
    with pytest.raises(ReportError, match="2 runs begin with '2026-01-31'"):
        load_run(runs.output, "2026-01-31")
    with pytest.raises(ReportError, match=r"there is no run '2025'.*reports list"):
        load_run(runs.output, "2025")


def test_no_runs(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"no run has written to .*--output"):
        list_runs(tmp_path)
    (tmp_path / "metadata.sqlite").write_text("not a database")
    with pytest.raises(ReportError, match="is not metadata of a run"):
        list_runs(tmp_path)
