"""The data gate refuses data that is wrong in known ways, and passes honest data.

Each test runs the real DAG; the refused ones stop at the gate by themselves, in front of Transform.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from movielens.sample import SampleSpec, write_sample
from pipeline.commands.gate import DataGateError, accept
from tests.pipeline_run import SERVABLES, run_pipeline
from tests.reliability.gated_run import (
    AFTER_THE_GATE,
    SECONDS,
    STARS,
    GatedRun,
    as_csv,
    changed,
    run_to_gate,
)

pytestmark = pytest.mark.slow

RANDOM = "data.split=random"
DECADE = 10 * 365 * 86_400
SPLITS = ("leave_last_out", "temporal", "random")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Honest data."""
    folder = tmp_path_factory.mktemp("data") / "honest" / "ml-tiny"
    write_sample(SampleSpec.sized(10_000), folder)
    return folder


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def first(sample: Path, output: Path) -> GatedRun:
    """The run that later ones are compared with."""
    run = run_to_gate(sample, output, RANDOM)
    assert run.error == ""
    return run


def refused(run: GatedRun) -> None:
    """The run stopped at the gate with one message of the reason, kept the record, and wrote a report."""
    assert run.error.startswith("DataGate: the data did not pass")
    assert "\n" not in run.error
    assert run.started[-2:] == ["DataGate", "ReportGen"]
    assert AFTER_THE_GATE not in run.started
    assert run.record["accepted"] is False
    assert not run.kept.with_name(run.kept.name.removesuffix(".data_gate.json")).exists()
    [report] = run.finished["ReportGen"].outputs
    written = json.loads((Path(report.uri) / "report.json").read_text())
    assert written["sections"]["data"]["metrics"]["gate"] == run.record


def test_first_run_is_marked_as_without_a_baseline(first: GatedRun) -> None:
    metric = str(first.result.properties["summary"])
    assert "NOT COMPARED with any run: series ml-tiny, split random-0.2" in metric
    assert first.record["accepted"] is True
    assert first.record["baseline"]["entry"] is None
    assert set(first.checks("not compared")) == {
        ("ratings", "drift"),
        ("movies", "drift"),
        ("ratings", "time shift"),
        ("ratings", "volume change"),
    }
    assert first.checks("failed") == []
    # The other checks hold in a first run too.
    kinds = {name for _, name in first.checks("passed")}
    assert kinds == {"anomaly", "missing values", "spread", "volume", "catalogue", "train/eval skew"}
    assert all(
        check["value"] is not None for check in first.record["checks"] if check["threshold"] is not None
    )


def test_second_run_on_the_same_data_reuses_the_decision(first: GatedRun, sample: Path, output: Path) -> None:
    again = run_to_gate(sample, output, RANDOM)

    assert again.error == ""
    assert again.finished["DataGate"].cached
    assert len(list((output / "accepted" / "ml-tiny" / "random-0.2").iterdir())) == 1


def test_new_genre(sample: Path, tmp_path: Path) -> None:
    folder = as_csv(sample, tmp_path / "ml-csv")
    lines = (folder / "movies.csv").read_text().splitlines(keepends=True)
    lines[1:13] = [line.rstrip("\n") + "|Telenovela\n" for line in lines[1:13]]
    (folder / "movies.csv").write_text("".join(lines))

    run = run_to_gate(folder, tmp_path / "out", RANDOM)

    refused(run)
    assert "ratings.movie_genres: anomaly, ENUM_TYPE_UNEXPECTED_STRING_VALUES" in run.error
    assert "Telenovela (~" in run.error or "Telenovela (<" in run.error
    assert set(run.checks("failed")) == {
        ("ratings.movie_genres", "anomaly"),
        ("movies.movie_genres", "anomaly"),
    }

    allow = "{feature: movie_genres, anomaly: ENUM_TYPE_UNEXPECTED_STRING_VALUES, reason: of twelve movies}"
    reviewed = run_to_gate(folder, tmp_path / "out", RANDOM, f"data_gate.allow=[{allow}]")

    assert reviewed.error == ""
    assert set(reviewed.checks("allowed")) == set(run.checks("failed"))
    assert "let pass: of twelve movies" in str(reviewed.record)


def test_missing_ages(first: GatedRun, sample: Path, output: Path) -> None:
    def blank(rows: list[list[str]]) -> list[list[str]]:
        return [[user, "" if int(user) % 5 in (0, 1) else age, *rest] for user, age, *rest in rows]

    run = run_to_gate(changed(sample, "ages", "u.user", blank), output, RANDOM)

    refused(run)
    failed = run.checks("failed")
    assert ("ratings.raw_user_age", "missing values") in failed
    assert ("ratings.bucketized_user_age", "missing values") in failed
    shares = [
        check["value"]
        for check in run.record["checks"]
        if (check["feature"], check["name"]) == ("ratings.raw_user_age", "missing values")
    ]
    assert len(shares) == 2
    assert all(0.25 < share < 0.55 for share in shares)
    assert f"ratings.raw_user_age: missing values, share of Examples without it {shares[0]:.4g}" in run.error
    assert "(threshold: at most 0.1)" in run.error


def test_timestamps_shifted_by_a_decade(first: GatedRun, sample: Path, output: Path) -> None:
    def shift(rows: list[list[str]]) -> list[list[str]]:
        return [[*row[:SECONDS], str(int(row[SECONDS]) + DECADE)] for row in rows]

    run = run_to_gate(changed(sample, "shifted", "u.data", shift), output, RANDOM)

    refused(run)
    assert set(run.checks("failed")) == {("ratings.timestamp", "time shift")}
    assert (
        "ratings.timestamp: time shift, days between the oldest ratings 3,650 (threshold: at most 366)"
        in run.error
    )


def test_half_the_rows_gone_until_somebody_accepts_it(
    first: GatedRun, sample: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = changed(sample, "half", "u.data", lambda rows: rows[::2])

    run = run_to_gate(half, output, RANDOM)

    refused(run)
    assert ("ratings", "volume change") in run.checks("failed")
    assert "ratings: volume change, share lost 0.5 (threshold: at most 0.2)" in run.error
    assert "10,000 in the last accepted run, 5,000 now" in run.error
    assert f"python -m pipeline gate accept {run.kept} --reason" in run.error

    assert accept(str(run.kept), "a smaller export from now on", yes=True)
    assert "ratings: volume change, share lost 0.5" in capsys.readouterr().out
    reviewed = run_to_gate(half, output, RANDOM)

    assert reviewed.error == ""
    assert set(reviewed.checks("allowed")) == set(run.checks("failed"))
    # It is what the next run is compared with: coming back to all rows doubles them.
    back = run_to_gate(sample, output, RANDOM)
    changes = {
        check["feature"]: check["value"]
        for check in back.record["checks"]
        if check["name"] == "volume change"
    }
    assert changes["ratings"] == 1.0
    assert back.error == ""


def test_all_ratings_the_same(first: GatedRun, sample: Path, output: Path) -> None:
    def threes(rows: list[list[str]]) -> list[list[str]]:
        return [[*row[:STARS], "3", *row[STARS + 1 :]] for row in rows]

    run = run_to_gate(changed(sample, "threes", "u.data", threes), output, RANDOM)

    refused(run)
    assert {name for feature, name in run.checks("failed") if feature == "ratings.user_rating"} == {
        "spread",
        "drift",
    }
    assert "ratings.user_rating: spread, standard deviation in stars 0 (threshold: at least 0.1)" in run.error


def test_renamed_column(sample: Path, tmp_path: Path) -> None:
    folder = as_csv(sample, tmp_path / "ml-csv")
    text = (folder / "ratings.csv").read_text()
    (folder / "ratings.csv").write_text(text.replace("rating,", "stars,", 1))

    run = run_to_gate(folder, tmp_path / "out", RANDOM)

    # Nobody can read such a file, so it does not come as far as the gate.
    assert run.started[-2] in ("RatingsGen", "MoviesGen")
    assert run.started[-1] == "ReportGen"
    assert "ratings.csv, line 1" in run.error
    assert "is 'userId,movieId,stars,timestamp'" in run.error
    assert AFTER_THE_GATE not in run.started


@pytest.mark.parametrize("split", SPLITS)
def test_honest_sample_passes(split: str, sample: Path, output: Path) -> None:
    run = run_to_gate(sample, output, f"data.split={split}", "data_gate.series=honest")

    assert run.error == ""
    assert run.checks("failed") == []
    entry = output / "accepted" / "honest" / (split if split == "leave_last_out" else f"{split}-0.2")
    assert len(list(entry.iterdir())) == 1


@pytest.mark.parametrize("split", SPLITS)
def test_ml_100k_passes(split: str, ml_100k: Path, output: Path) -> None:
    run = run_to_gate(ml_100k, output, f"data.split={split}")

    assert run.error == ""
    assert run.checks("failed") == []


def test_a_refused_run_ends_with_one_error_and_a_status(project: Path, sample: Path, tmp_path: Path) -> None:
    def threes(rows: list[list[str]]) -> list[list[str]]:
        return [[*row[:STARS], "3", *row[STARS + 1 :]] for row in rows]

    folder = changed(sample, "refused", "u.data", threes)

    run = run_pipeline(project, tmp_path / "runs", f"--data-dir={folder}", "--split=random")

    assert run.status == 1
    assert run.states["DataGate"] == "failed"
    assert AFTER_THE_GATE not in run.states
    error, *rest = run.err.splitlines()
    assert error.startswith("error: DataGate: the data did not pass 2 of ")
    assert "ratings.user_rating: spread, standard deviation in stars 0 (threshold: at least 0.1)" in error
    assert len(rest) == 2, run.err
    assert "Traceback" not in run.err
    assert Path(error.split("Every check is in ")[1].split(". ")[0]).is_file()
    assert run.pushed == dict.fromkeys(SERVABLES, ())
    with pytest.raises(DataGateError, match="no comparison failed"):
        accept(error.split("Every check is in ")[1].split(". ")[0], "no", yes=True)
