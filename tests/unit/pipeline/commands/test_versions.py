"""`python -m pipeline versions`, `promote` and `rollback` as a person runs them."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from components.atomic_pusher import history
from components.atomic_pusher.manifest import Provenance
from components.atomic_pusher.publishing import Retention, push
from components.atomic_pusher.versions import served_version, versions_in
from pipeline.__main__ import main

PROJECT = Path(__file__).parents[3]
METRICS = {
    "reference": {"rmse": 1.039},
    "served": {"rmse": 1.001},
    "candidate": {"example_count": 2047.0, "rmse": 0.9912, "user_count": 162.0},
}


class Runs:
    """An output folder in which three ranking models were pushed. What they hold does not matter here."""

    def __init__(self, output: Path) -> None:
        self.output, self.ranking = output, output / "serving" / "ranking"
        self.versions = [self.push(name) for name in ("bad", "good", "better")]

    def push(self, name: str) -> int:
        model = self.output / "models" / name
        model.mkdir(parents=True)
        (model / "saved_model.pb").write_text(name)
        whence = Provenance(METRICS, "eval split, random, ml-100k", f"run of {name}", {"ratings": "a" * 64})
        return push(str(self.ranking), str(model), whence, Retention(9)).version

    @property
    def served(self) -> str:
        return (self.ranking / str(served_version(str(self.ranking))) / "saved_model.pb").read_text()

    def command(self, *words: str | int) -> int:
        return main([*map(str, words), "--output", str(self.output)])


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "runs")


def test_versions_are_listed_with_metrics_and_which_is_served(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.command("versions") == 0
    out = capsys.readouterr().out
    assert "retrieval: no version" in out
    first, second, third = runs.versions
    assert f"ranking: version {third} is served by default" in out
    lines = [line for line in out.splitlines() if line[:1] in "* " and line[2:3].isdigit()]
    assert [line[0] for line in lines] == ["*", " ", " "]
    assert [int(line[2:].split()[0]) for line in lines] == [third, second, first]
    assert (
        "rmse 0.9912 (reference 1.039, served 1.001), 2,047 ratings, 162 users (eval split, random, ml-100k)"
        in out
    )
    assert "run run of better, ratings aaaaaaaaaaaa, model " in out
    assert str(runs.ranking / "history.jsonl") in out


def test_rollback_goes_to_the_model_pushed_before_and_promote_comes_back(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.served == "better"
    assert runs.command("rollback", "ranking", "--yes") == 0
    assert runs.served == "good"
    # Not back to what was just left.
    assert runs.command("rollback", "ranking", "--yes") == 0
    assert runs.served == "bad"
    assert runs.command("rollback", "ranking", "--yes") == 2
    assert "holds no model from before version" in capsys.readouterr().err
    assert runs.command("promote", "ranking", runs.versions[2], "--yes") == 0
    assert runs.served == "better"
    assert runs.command("rollback", "ranking", runs.versions[0], "--yes") == 0
    assert runs.served == "bad"
    assert [move.action for move in history.moves(str(runs.ranking))] == [
        *["push"] * 3,
        *["rollback"] * 2,
        *("promote", "rollback"),
    ]


def test_what_is_served_already_is_not_published_again(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.command("promote", "ranking", runs.versions[2], "--yes") == 0
    assert f"version {runs.versions[2]} is served already" in capsys.readouterr().out
    assert list(versions_in(str(runs.ranking))) == runs.versions
    runs.command("rollback", "ranking", "--yes")
    capsys.readouterr()
    assert runs.command("promote", "ranking", runs.versions[1], "--yes") == 0
    assert f"the model of version {runs.versions[1]}, as version" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["promote", "ranking", "7", "--yes"], "has no version 7; there are: {0}, {1}, {2}"),
        (["rollback", "ranking", "7", "--yes"], "has no version 7; there are: {0}, {1}, {2}"),
        (["rollback", "retrieval", "--yes"], "retrieval holds no version to choose from"),
        (["versions", "retrieval"], "no version below"),
        (["rollback", "ranking"], "there is no terminal to ask on; repeat the command with --yes"),
        (["rollback", "ranking", "{2}", "--yes"], "version {2} is served already"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(
    words: list[str], told: str, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.command(*(word.format(*runs.versions) for word in words)) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert told.format(*runs.versions) in captured.err
    assert list(versions_in(str(runs.ranking))) == runs.versions


def test_a_newer_model_is_no_rollback(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runs.command("rollback", "ranking", "--yes")
    assert runs.command("rollback", "ranking", runs.versions[2], "--yes") == 2
    assert f"`python -m pipeline promote ranking {runs.versions[2]}` serves it" in capsys.readouterr().err


def test_broken_versions_are_listed_with_what_is_wrong_and_refused(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, _ = (runs.ranking / str(version) for version in runs.versions)
    (first / "assets.extra" / "manifest.json").write_text("{")
    (second / "saved_model.pb").unlink()
    assert runs.command("versions", "ranking") == 0
    out = capsys.readouterr().out
    assert f"{first.name}  {first}/assets.extra/manifest.json: is not a manifest" in out
    assert f"{second.name}  {second} holds no saved_model.pb" in out
    for version in (first, second):
        assert runs.command("promote", "ranking", version.name, "--yes") == 2
        assert f"version {version.name} cannot be served" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "served", "status"), [("y", "good", 0), ("n", "better", 1)])
def test_it_asks_before_it_changes_anything(answer: str, served: str, status: int, runs: Runs) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [sys.executable, "-m", "pipeline", "rollback", "ranking", f"--output={runs.output}"]
    done = subprocess.run(command, cwd=PROJECT, stdin=theirs, capture_output=True, text=True, check=False)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == status, done.stderr
    assert f"Serve the model of version {runs.versions[1]}, as a new version? [y/N]" in done.stdout
    assert ("nothing was changed" in done.stdout) == (status == 1)
    assert runs.served == served
