"""`python -m pipeline gate accept`: what it lets pass, and how it refuses."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from components.data_gate.accepted import AcceptedData
from components.data_gate.checks import Check, at_least, at_most
from components.data_gate.judgement import Baseline
from components.data_gate.record import GateRecord
from pipeline.__main__ import main
from pipeline.local_run.run_lock import run_lock

DATA = "d" * 64
DRIFT = at_most("drift", "ratings.user_gender", "L-infinity distance", 0.3, 0.05)
SPREAD = at_least("spread", "ratings.user_rating", "standard deviation in stars", 0, 0.1)


@pytest.fixture
def store(tmp_path: Path) -> AcceptedData:
    return AcceptedData(str(tmp_path / "accepted"), "ml-100k", "random-0.2")


def write(store: AcceptedData, tmp_path: Path, *checks: Check) -> str:
    path = tmp_path / "17.data_gate.json"
    path.write_text(GateRecord(store, DATA, Baseline(None, None, "note"), checks).to_json())
    return str(path)


def test_review_is_remembered_for_that_data(
    store: AcceptedData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = write(store, tmp_path, DRIFT, SPREAD)

    assert main(["gate", "accept", record, "--reason", "a campaign", "--yes"]) == 0

    review = store.review(DATA)
    assert review is not None
    assert review.about["reason"] == "a campaign"
    assert store.review("e" * 64) is None
    differs, fails = capsys.readouterr().out.split("fails all the same:")
    assert DRIFT.sentence() in differs
    assert SPREAD.sentence() in fails


def test_skew_can_be_accepted(store: AcceptedData, tmp_path: Path) -> None:
    skew = at_most("train/eval skew", "ratings.user_gender", "L-infinity distance", 0.3, 0.05)

    assert main(["gate", "accept", write(store, tmp_path, skew), "--reason", "new users", "--yes"]) == 0
    assert store.review(DATA) is not None


def test_nothing_is_written_without_a_yes(
    store: AcceptedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = write(store, tmp_path, DRIFT)
    terminal = io.StringIO("no\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)

    assert main(["gate", "accept", record, "--reason", "r"]) == 1

    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["gate", "accept", record, "--reason", "r"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert not Path(store.root).exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("{}", "is not a record of the data gate"),
        ("no JSON", "is not a record of the data gate"),
    ],
)
def test_what_is_no_record(
    text: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "record.json"
    if text is not None:
        path.write_text(text)

    assert main(["gate", "accept", str(path), "--reason", "r", "--yes"]) == 2

    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}: {message}")
    assert error.count("\n") == 1


def test_what_a_review_cannot_let_pass(
    store: AcceptedData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = write(store, tmp_path, SPREAD)

    assert main(["gate", "accept", record, "--reason", "r", "--yes"]) == 2
    assert "no comparison failed" in capsys.readouterr().err
    assert main(["gate", "accept", record, "--reason", " ", "--yes"]) == 2
    assert "--reason is empty" in capsys.readouterr().err
    assert not Path(store.root).exists()


def test_nothing_is_accepted_while_a_run_is_under_way(
    store: AcceptedData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = write(store, tmp_path, DRIFT)

    with run_lock(tmp_path):
        assert main(["gate", "accept", record, "--reason", "r", "--yes"]) == 2

    assert f"error: {tmp_path} is in use by the run of process " in capsys.readouterr().err
    assert store.review(DATA) is None
