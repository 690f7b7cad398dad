"""`python -m reports` as a person types it."""

import subprocess
import sys
from pathlib import Path

import pytest

from reports.__main__ import main
from tests.unit.reports.recorded_run import FAILED, RecordedRuns

PROJECT = Path(__file__).resolve().parents[3]


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])

    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert all(
        f"python -m reports {command}" in printed for command in ("open", "list", "build", "compare", "index")
    )


def test_runs_are_listed_the_oldest_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = RecordedRuns(tmp_path)
    for run_id in ("2026-01-30T08:00:00", "2026-01-31T08:00:00"):
        runs.node(run_id, "MoviesGen")

    assert main(["list", "--output", str(tmp_path)]) == 0
    assert capsys.readouterr().out.split() == ["2026-01-30T08:00:00", "2026-01-31T08:00:00"]


@pytest.mark.parametrize("command", [["list"], ["build"], ["open"], ["compare", "a", "b"], ["index"]])
def test_a_folder_without_runs_is_one_clear_error(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--output", str(tmp_path)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: no run has written to")
    assert not (tmp_path / "reports").exists()


def test_a_run_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    RecordedRuns(tmp_path).node("2026-01-30T08:00:00", "MoviesGen")

    assert main(["build", "2031", "--output", str(tmp_path)]) == 2
    assert "there is no run '2031'" in capsys.readouterr().err


def test_a_run_is_not_compared_with_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    RecordedRuns(tmp_path).node("2026-01-30T08:00:00", "MoviesGen")

    assert main(["compare", "2026", "latest", "--output", str(tmp_path)]) == 2
    assert "both are run 2026-01-30T08:00:00" in capsys.readouterr().err


def test_the_command_line_loads_no_tensorflow() -> None:
    code = "import sys, reports.__main__ as m, reports.reading.run_store; print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_a_failed_run_has_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the failure is recorded, and the page shows it."""
    error = "u.data: 40 of 50 rows cannot be used"
    RecordedRuns(tmp_path).node("2026-01-30T08:00:00", "RatingsGen", FAILED, error=error)

    assert main(["build", "--output", str(tmp_path)]) == 0

    html, json_file = map(Path, capsys.readouterr().out.split())
    assert html.parent.parent == tmp_path / "reports"
    assert f"RatingsGen: {error}" in html.read_text()
    assert '"state": "failed"' in json_file.read_text()
