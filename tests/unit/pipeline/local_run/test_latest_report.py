"""The newest report is always at the same place."""

from pathlib import Path

from pipeline.local_run.latest_report import publish_report
from pipeline.local_run.node_run import NodeRun, OutputArtifact


def _report(folder: Path, text: str) -> NodeRun:
    folder.mkdir()
    (folder / "index.html").write_text(text)
    (folder / "report.json").write_text(f'{{"text": "{text}"}}')
    return NodeRun("ReportGen", False, 0.1, [OutputArtifact("report", "File", str(folder), {})])


def test_a_newer_report_takes_the_place_of_the_one_before(tmp_path: Path):
    output = tmp_path / "runs"
    first, second = _report(tmp_path / "1", "first"), _report(tmp_path / "2", "second")

    assert publish_report([first], output) == output / "report" / "index.html"
    assert (
        publish_report([NodeRun("Train", False, 0.1, []), second], output) == output / "report" / "index.html"
    )

    assert {path.name: path.read_text() for path in (output / "report").iterdir()} == {
        "index.html": "second",
        "report.json": '{"text": "second"}',
    }
    # What the run itself wrote stays.
    assert (tmp_path / "1" / "index.html").read_text() == "first"


def test_a_run_without_a_report_leaves_the_one_before(tmp_path: Path):
    publish_report([_report(tmp_path / "1", "first")], tmp_path)

    assert publish_report([NodeRun("Train", False, 0.1, [])], tmp_path) is None
    assert (tmp_path / "report" / "index.html").read_text() == "first"
