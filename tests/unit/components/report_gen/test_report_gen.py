"""`ReportGen` where there is no metadata store to read: as a node, and as the exit handler, of Kubeflow."""

import json
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.components.base import base_executor
from tfx.dsl.components.common.importer import Importer
from tfx.types import standard_artifacts
from tfx.types.experimental import simple_artifacts

from components.report_gen.component import ReportGen
from components.report_gen.executor import ReportGenExecutor
from components.report_gen.run_of_artifacts import input_key
from reports.reading.run_data import NodeState

# Importing TFX alone takes longer than the tests that are run after every save may take.
pytestmark = pytest.mark.slow

CONFIG = {"pipeline_name": "movielens", "data_dir": "gs://bucket/ml-25m", "data": {"split": "temporal"}}
HOSTILE = "<script>alert(1)</script>"
FAILED = json.dumps({"state": "FAILED", "error": {"message": f"Transform failed: {HOSTILE}"}})


def schema_node() -> Importer:
    return Importer(
        source_uri="anywhere", artifact_type=standard_artifacts.Schema, output_key="schema"
    ).with_id("RatingsSchema")


def run(component: ReportGen, uri: Path, inputs: dict[str, list[Any]], **properties: str) -> dict[str, Any]:
    """Runs the executor and returns the metrics; an exit handler without anything to report writes none."""
    report = simple_artifacts.File()
    report.uri = str(uri)
    uri.mkdir(parents=True)
    context = base_executor.BaseExecutor.Context(tmp_dir=str(uri.parent), unique_id="1")
    # The back end leaves out what is empty.
    given = {name: value for name, value in component.spec.exec_properties.items() if value}
    ReportGenExecutor(context).Do(inputs, {"report": [report]}, given | properties)
    metrics = uri / "report.json"
    return json.loads(metrics.read_text()) if metrics.is_file() else {}


def test_every_input_is_optional_and_named_after_node_and_channel() -> None:
    component = ReportGen([schema_node()], CONFIG)

    assert list(component.inputs) == [input_key("RatingsSchema", "schema")]
    assert component.spec.is_optional_input("RatingsSchema__schema")
    assert component.spec.is_allow_empty_input("RatingsSchema__schema")
    assert list(component.outputs) == ["report"]


def test_a_node_on_kubeflow_reports_on_its_inputs(tmp_path: Path) -> None:
    schema = standard_artifacts.Schema()
    schema.uri = str(tmp_path / "schema")
    component = ReportGen([schema_node()], CONFIG)

    metrics = run(
        component, tmp_path / "run-7" / "ReportGen" / "1" / "report", {"RatingsSchema__schema": [schema]}
    )

    assert metrics["run"]["data"] == "ml-25m"
    nodes = metrics["sections"]["run"]["metrics"]["nodes"]
    assert {node: found["state"] for node, found in nodes.items()} == {"RatingsSchema": "done"}
    assert metrics["sections"]["run"]["verdict"] == "passed"
    assert metrics["sections"]["run"]["metrics"]["config"] == CONFIG


@pytest.mark.parametrize("task", ["RatingsSchema/schema", "RatingsSchema_-123/4/schema"])
def test_an_exit_handler_finds_what_a_failed_run_has_left(tmp_path: Path, task: str) -> None:
    (tmp_path / "run-7" / task).mkdir(parents=True)
    component = ReportGen([schema_node()], CONFIG, exit_handler=True)
    assert not component.inputs
    uri = tmp_path / "run-7" / "FailureReport" / "9" / "report"

    metrics = run(component, uri, {}, final_status=FAILED)

    assert metrics["run"]["id"] == "run-7"
    assert metrics["sections"]["run"]["verdict"] == "failed"
    nodes = metrics["sections"]["run"]["metrics"]["nodes"]
    assert nodes["RatingsSchema"]["state"] == NodeState.DONE.value
    # The folder is there and what should be in it is not, which costs no more than the section that reads it.
    assert "could not be built" in metrics["sections"]["data"]["answer"]
    assert "schema.pbtxt" in metrics["sections"]["data"]["answer"]
    page = (uri / "index.html").read_text()
    assert "Transform failed: &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert HOSTILE not in page


def test_an_exit_handler_has_nothing_to_add_to_a_run_that_went_well(tmp_path: Path) -> None:
    component = ReportGen([schema_node()], CONFIG, exit_handler=True)
    uri = tmp_path / "run-7" / "FailureReport" / "9" / "report"

    assert run(component, uri, {}, final_status='{"state": "SUCCEEDED"}') == {}
    assert list(uri.iterdir()) == []


def test_another_setting_or_code_is_another_cache_key() -> None:
    keys = [
        ReportGen([], CONFIG).exec_properties,
        ReportGen([], CONFIG | {"seed": 7}).exec_properties,
        ReportGen([], CONFIG, code_fingerprint="another").exec_properties,
    ]
    assert all(one != other for n, one in enumerate(keys) for other in keys[n + 1 :])
    assert keys[0] == ReportGen([], CONFIG).exec_properties
