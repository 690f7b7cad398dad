"""The section *Run*: states, seconds, settings, and why a run failed."""

from pathlib import Path

from reports.reading.run_data import Artifact, Node, NodeState, Run
from reports.run.section import run_section
from reports.section import Section
from reports.verdict import Verdict


def section(*nodes: Node, **more: object) -> Section:
    run = Run("r", "movielens", Path(), nodes, "ml-tiny", synthetic=False, **more)  # type: ignore[arg-type]
    return run_section(run)


def facts(found: Section) -> dict[str, str]:
    return {fact.name: fact.value for part in found.parts for fact in part.facts}


def test_a_run_that_went_well() -> None:
    pushed = Artifact(3, "PushedModel", "", {"pushed": 1, "pushed_version": "17"})
    found = section(
        Node("Gen", NodeState.CACHED, 0.1),
        Node("Trainer", NodeState.DONE, 30.0),
        Node("Pusher", NodeState.DONE, 2.0, outputs={"pushed_ranking": (pushed,)}),
        config={"data": {"split": "random"}, "seed": 42},
    )

    assert found.answer == "3 nodes: 2 done, 1 cached; 32 s in nodes."
    assert found.verdict is Verdict.PASSED
    nodes = next(part for part in found.parts if part.id == "run-nodes")
    assert nodes.answer == "Trainer took longest: 30.0 s of 32.0 s."
    assert nodes.tables[0].rows[2] == ("Pusher", "done", 2.0, "pushed_ranking")
    assert facts(found)["Pushed"] == "ranking: version 17"
    assert facts(found)["Split"] == "random"
    settings = next(part for part in found.parts if part.id == "run-settings").tables[0]
    assert settings.rows == (("data.split", "random"), ("seed", "42"))


def test_a_model_that_was_not_blessed_is_not_pushed() -> None:
    artifact = Artifact(3, "PushedModel", "", {"pushed": 0})
    found = section(Node("Pusher", NodeState.DONE, 2.0, outputs={"pushed_ranking": (artifact,)}))

    assert facts(found)["Pushed"] == "ranking: nothing, its model was not blessed"

    artifact = Artifact(3, "PushedModel", "", {"pushed": 0, "reason": "the probe refused its model: slow"})
    found = section(Node("Pusher", NodeState.DONE, 2.0, outputs={"pushed_ranking": (artifact,)}))
    assert facts(found)["Pushed"] == "ranking: nothing, the probe refused its model: slow"


def test_a_run_that_failed() -> None:
    found = section(
        Node("Gen", NodeState.FAILED, 1.0, error="u.data is bad"),
        Node("Trainer", NodeState.NOT_RUN),
        failure="Gen: u.data is bad",
    )

    assert found.answer.startswith("Gen failed, and what needs it did not run. 2 nodes: 1 failed, 1 not run")
    assert found.verdict is Verdict.FAILED
    assert found.parts[0].text == ("The run failed: Gen: u.data is bad",)
    assert found.parts[1].tables[0].rows == (
        ("Gen", Verdict.FAILED, 1.0, "u.data is bad"),
        ("Trainer", "not run", None, "nothing"),
    )


def test_a_run_of_unknown_duration() -> None:
    found = section(Node("Gen", NodeState.DONE))

    assert found.answer == "1 nodes: 1 done."
    assert found.parts[1].answer == "How long the nodes took is not known."


def test_a_run_that_only_failed_did_work() -> None:
    found = section(Node("Gen", NodeState.CACHED), Node("Gate", NodeState.FAILED, 3.0, error="refused"))

    assert found.parts[1].answer == "Gate took longest: 3.0 s of 3.0 s."
    assert section(Node("Gen", NodeState.CACHED, 0.1)).parts[1].answer == (
        "Every node that was needed is from an earlier run."
    )


def test_raw_files_have_size_and_time_of_change() -> None:
    fingerprint = "split:u.data,num_files:1,total_bytes:1234,xor_checksum:1796050119,sum_checksum:1796050119"
    found = section(Node("RatingsGen", NodeState.DONE, 1.0, properties={"input_fingerprint": fingerprint}))

    assert facts(found)["u.data"] == "1,234 bytes, changed 2026-11-30 14:48:39 UTC"
