"""`python -m pipeline serving-skew`: from a log and what a run has left to a verdict and a page."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
import tensorflow_data_validation as tfdv

from components.atomic_pusher.manifest import MANIFEST_FILE, Manifest, Move, Provenance
from contracts.catalogue import CATALOGUE_FILE, CATALOGUE_TABLES
from distances.measure import Values, to_json
from pipeline.__main__ import main
from schema import RATINGS_SCHEMA
from tests.unit.reports.recorded_run import RecordedRuns

RUN, VERSION, USERS = "2026-01-31T12:00:00.000000", 7, range(200)


def gender(user: int) -> str:
    return "Female" if user % 4 == 0 else "Male"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A run on 200 users with a rating each, and the version that it pushed."""
    runs = RecordedRuns(tmp_path / "runs")
    statistics = runs.artifact("ExampleStatistics", "RatingsStatistics", "statistics")
    split = Path(statistics.uri) / "Split-train"
    split.mkdir()
    frame = {"user_id": [[str(user)] for user in USERS], "user_gender": [[gender(user)] for user in USERS]}
    counted = tfdv.generate_statistics_from_dataframe(pd.DataFrame(frame, dtype=object), n_jobs=1)
    (split / "FeatureStats.pb").write_bytes(counted.SerializeToString())
    schema = runs.artifact("Schema", "RatingsSchema", "schema")
    (Path(schema.uri) / "schema.pbtxt").write_text(RATINGS_SCHEMA.read_text("utf-8"))
    gate = runs.artifact("GateResult", "DataGate", "gate_result")
    ages = {"train": {"raw_user_age": Values(200, {"30": 200})}}
    (Path(gate.uri) / "distributions.json").write_text(to_json(ages))
    for node, channel, artifact in (
        ("RatingsStatistics", "statistics", statistics),
        ("RatingsSchema", "schema", schema),
        ("DataGate", "gate_result", gate),
    ):
        runs.node(RUN, node, outputs={channel: artifact})
    _push(runs.output / "serving" / "recommender" / str(VERSION))
    return runs.output


def _push(folder: Path) -> None:
    (folder / "assets.extra").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"")
    manifest = Manifest(VERSION, VERSION, Move.now("push", None, VERSION), Provenance(run_id=RUN), {})
    (folder / MANIFEST_FILE).write_bytes(manifest.to_json())
    database = sqlite3.connect(folder / CATALOGUE_FILE)
    database.executescript(CATALOGUE_TABLES)
    with database:
        rows = [(str(user), 30.0, gender(user), None, 1, "[]") for user in USERS]
        database.executemany("insert into users values (?, ?, ?, ?, ?, ?)", rows)
    database.close()


def log(folder: Path, users: list[str], version: int = VERSION) -> str:
    folder.mkdir(exist_ok=True)
    lines = [
        {
            "model": "recommender",
            "version": version,
            "signature": "recommend",
            "code": "OK",
            "inputs": {"user_id": [user], "k": 10},
            "outputs": {"known_user": [user.isdecimal()]},
        }
        for user in users
    ]
    (folder / "requests.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    return str(folder)


def page(output: Path) -> Path:
    return output / "reports" / f"requests-{VERSION}" / "index.html"


def test_requests_like_training_pass(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = log(tmp_path / "log", [str(user) for user in USERS])

    assert main(["serving-skew", folder, "--output", str(output)]) == 0

    printed = capsys.readouterr().out
    # Gender and age are those that the catalogue has of the users.
    for feature in ("user_id", "user_gender", "raw_user_age", "known_user"):
        assert feature in printed
    assert "failed" not in printed
    assert "<svg" in page(output).read_text("utf-8")
    assert json.loads(page(output).with_name("report.json").read_text())["verdict"] == "passed"


def test_other_users_than_those_of_training_are_found(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    women = [str(user) for user in USERS if gender(user) == "Female"]

    assert main(["serving-skew", log(tmp_path / "log", women), "--output", str(output)]) == 1

    [row] = [line for line in capsys.readouterr().out.splitlines() if "user_gender" in line]
    assert "0.7500" in row
    assert "failed" in row
    report = json.loads(page(output).with_name("report.json").read_text())
    assert report["checks"]["requests and training"]["user_gender"]["verdict"] == "failed"


def test_unknown_users_are_found(output: Path, tmp_path: Path) -> None:
    users = [str(user) if user % 2 else f"new{user}" for user in USERS]
    assert main(["serving-skew", log(tmp_path / "log", users), "--output", str(output)]) == 1


def test_a_value_that_the_schema_does_not_allow_is_found(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = log(tmp_path / "log", [str(user) for user in USERS])
    examples = [{"user_id": ["1"], "user_gender": ["Robot"]}]
    line = {"version": VERSION, "signature": "serving_default", "code": "OK", "outputs": {}}
    with (tmp_path / "log" / "requests.jsonl").open("a") as stream:
        stream.write(json.dumps({**line, "inputs": {"examples": examples}}) + "\n")

    assert main(["serving-skew", folder, "--output", str(output)]) == 1

    # Every distance is within its threshold.
    printed = capsys.readouterr().out
    assert "Robot" in printed
    assert "failed" not in printed


def test_nothing_to_compare(output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = log(tmp_path / "log", ["1"])
    assert main(["serving-skew", str(tmp_path), "--output", str(output)]) == 2
    assert "requests.jsonl" in capsys.readouterr().err
    assert main(["serving-skew", folder, "--output", str(output), "--version", "9"]) == 2
    assert "of 7" in capsys.readouterr().err
    other = log(tmp_path / "other", ["1"], version=9)
    assert main(["serving-skew", other, "--output", str(output)]) == 2
    assert "--output" in capsys.readouterr().err
    assert main(["serving-skew", log(tmp_path / "empty", []), "--output", str(output)]) == 2
    assert not page(output).exists()
