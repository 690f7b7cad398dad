"""`python -m pipeline versions`, `promote` and `rollback` as a person runs them."""

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from components.atomic_pusher import history
from components.atomic_pusher.manifest import Provenance
from components.atomic_pusher.publishing import PushCandidate, Retention, push
from components.atomic_pusher.versions import read_manifest, served_version, versions_in
from pipeline.__main__ import main

PROJECT = Path(__file__).parents[3]
METRICS = {
    "reference": {"rmse": 1.039},
    "served": {"rmse": 1.001},
    "candidate": {"example_count": 2047.0, "rmse": 0.9912, "user_count": 162.0},
}


TOGETHER = ("ranking", "retrieval", "recommender")


class Runs:
    """An output folder in which three runs pushed their models. What these hold does not matter here."""

    def __init__(self, output: Path) -> None:
        self.output, self.ranking = output, output / "serving" / "ranking"
        self.versions = [self.push(name) for name in ("bad", "good", "better")]

    def push(self, name: str, servables: Sequence[str] = TOGETHER) -> int:
        whence = Provenance(METRICS, "eval split, random, ml-100k", f"run of {name}", {"ratings": "a" * 64})
        candidates = []
        for servable in servables:
            model = self.output / "models" / name / servable
            model.mkdir(parents=True)
            (model / "saved_model.pb").write_text(name)
            candidates.append(PushCandidate(str(self.folder(servable)), str(model), whence))
        return push(candidates, Retention(9))[0].version

    def folder(self, servable: str) -> Path:
        return self.output / "serving" / servable

    def served(self, servable: str = "recommender") -> str:
        folder = self.folder(servable)
        return (folder / str(served_version(str(folder))) / "saved_model.pb").read_text()

    @property
    def all_served(self) -> dict[str, str]:
        return {name: self.served(name) for name in TOGETHER}

    def command(self, *words: str | int) -> int:
        return main([*map(str, words), "--output", str(self.output)])


def all_of(name: str) -> dict[str, str]:
    return dict.fromkeys(TOGETHER, name)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "runs")


def test_versions_are_listed_with_metrics_and_which_is_served(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.command("versions", "ranking") == 0
    out = capsys.readouterr().out
    first, second, third = runs.versions
    assert f"ranking: version {third} is served by default" in out
    lines = [line for line in out.splitlines() if line[:1] in "* " and line[2:3].isdigit()]
    assert [line[0] for line in lines] == ["*", " ", " "]
    assert [int(line[2:].split()[0]) for line in lines] == [third, second, first]
    # Lines are folded to the width of a terminal.
    words = " ".join(out.split())
    assert words.count("together: ranking, retrieval, recommender") == 3
    assert (
        "rmse 0.9912 (reference 1.039, served 1.001), 2,047 ratings, 162 users (eval split, random, ml-100k)"
        in words
    )
    assert "run run of better, ratings aaaaaaaaaaaa, model " in words
    assert str(runs.ranking / "history.jsonl") in out
    assert runs.command("versions") == 0
    out = capsys.readouterr().out
    assert all(f"{name}: version {third} is served by default" in out for name in TOGETHER)


def test_the_list_fits_a_terminal_and_flags_what_cannot_load(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = runs.versions
    (runs.ranking / str(second) / "saved_model.pb").write_text("cut short")
    (runs.ranking / str(first) / "saved_model.pb").unlink()

    assert runs.command("versions", "ranking") == 0

    lines = capsys.readouterr().out.splitlines()
    # The path of the folder is as long as it is.
    assert all(len(line) <= 100 for line in lines if str(runs.output) not in line)
    by_version = {int(line[2:].split()[0]): line for line in lines if line[2:3].isdigit()}
    assert "NOT USABLE" not in by_version[third]
    assert "NOT USABLE: cannot be loaded as it was pushed: saved_model.pb" in by_version[second]
    assert "NOT USABLE" in by_version[first]
    assert runs.command("promote", second, "--only", "ranking", "--yes") == 2
    assert "cannot be loaded as it was pushed" in capsys.readouterr().err
    assert runs.served("ranking") == "better"


def test_rollback_takes_all_models_of_a_run_back_and_promote_brings_them_again(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.all_served == all_of("better")
    assert runs.command("rollback", "--yes") == 0
    assert runs.all_served == all_of("good")
    # Not back to what was just left.
    assert runs.command("rollback", "--yes") == 0
    assert runs.all_served == all_of("bad")
    assert runs.command("rollback", "--yes") == 2
    assert "does not hold a model from before version" in capsys.readouterr().err
    assert runs.command("promote", runs.versions[2], "--yes") == 0
    assert runs.all_served == all_of("better")
    assert runs.command("rollback", runs.versions[0], "--yes") == 0
    assert runs.all_served == all_of("bad")
    actions = [*["push"] * 3, *["rollback"] * 2, "promote", "rollback"]
    for name in TOGETHER:
        moves = history.moves(str(runs.folder(name)))
        assert [move.action for move in moves] == actions
        assert {move.servables for move in moves} == {TOGETHER}
    assert len({served_version(str(runs.folder(name))) for name in TOGETHER}) == 1


def test_one_model_moves_alone_with_a_flag(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    _, second, third = runs.versions
    assert runs.command("rollback", "--only", "ranking", "--yes") == 0
    assert runs.all_served == {**all_of("better"), "ranking": "good"}
    alone = served_version(str(runs.ranking))
    manifest = read_manifest(str(runs.ranking / str(alone)))
    assert manifest is not None
    assert (manifest.move.copy_of, manifest.move.servables) == (second, ("ranking",))
    # The version that it got is not of a run, so nothing goes there together.
    assert runs.command("promote", str(alone), "--yes") == 2
    assert "`--only ranking`" in capsys.readouterr().err
    # The way back to one run.
    assert runs.command("promote", third, "--yes") == 0
    assert runs.all_served == all_of("better")


def test_models_that_cannot_go_together_are_not_split(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    first, _, _ = runs.versions
    shutil.rmtree(runs.folder("retrieval") / str(first))
    before = {name: list(versions_in(str(runs.folder(name)))) for name in TOGETHER}
    for words in (["promote", str(first)], ["rollback", str(first)]):
        assert runs.command(*words, "--yes") == 2
        assert f"retrieval lacks version {first} now" in capsys.readouterr().err
    assert {name: list(versions_in(str(runs.folder(name)))) for name in TOGETHER} == before
    assert runs.command("promote", first, "--only", "ranking", "--yes") == 0
    assert runs.all_served == {**all_of("better"), "ranking": "bad"}


def test_a_joint_model_is_a_run_of_its_own(runs: Runs) -> None:
    # Numbers are times, and these runs come later.
    (runs.folder("joint") / str(runs.versions[-1] + 60)).mkdir(parents=True)
    for name in ("joint-1", "joint-2"):
        runs.push(name, ["joint"])
    assert runs.command("rollback", "--yes") == 0
    assert (runs.served("joint"), runs.all_served) == ("joint-1", all_of("better"))


def test_what_is_served_already_is_not_published_again(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.command("promote", runs.versions[2], "--yes") == 0
    assert f"version {runs.versions[2]} of {', '.join(TOGETHER)} is served already" in capsys.readouterr().out
    assert list(versions_in(str(runs.ranking))) == runs.versions
    runs.command("rollback", "--yes")
    capsys.readouterr()
    assert runs.command("promote", runs.versions[1], "--yes") == 0
    assert f"as version {served_version(str(runs.ranking))}, is served already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["promote", "7", "--yes"], "lacks version 7; there are: {0}, {1}, {2}"),
        (["rollback", "7", "--yes"], "lacks version 7; there are: {0}, {1}, {2}"),
        (
            ["rollback", "7", "--only", "ranking", "--yes"],
            "lacks version 7; there are: {0}, {1}, {2}",
        ),
        (["rollback", "--only", "joint", "--yes"], "joint does not hold a version to choose from"),
        (["versions", "joint"], "no version below"),
        (["rollback"], "there is no terminal to confirm on; repeat the command with --yes"),
        (["rollback", "{2}", "--yes"], "is served already"),
    ],
)
def test_what_cannot_be_done_is_an_error_and_changes_nothing(
    words: list[str], message: str, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.command(*(word.format(*runs.versions) for word in words)) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert message.format(*runs.versions) in captured.err
    assert list(versions_in(str(runs.ranking))) == runs.versions


def test_a_newer_model_is_not_a_rollback(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runs.command("rollback", "--yes")
    assert runs.command("rollback", runs.versions[2], "--yes") == 2
    assert f"`python -m pipeline promote {runs.versions[2]}` serves it" in capsys.readouterr().err


def test_broken_versions_are_listed_with_what_is_wrong_and_refused(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, _ = (runs.ranking / str(version) for version in runs.versions)
    (first / "assets.extra" / "manifest.json").write_text("{")
    (second / "saved_model.pb").unlink()
    assert runs.command("versions", "ranking") == 0
    words = " ".join(capsys.readouterr().out.split())
    assert f"{first.name} NOT USABLE: {first}/assets.extra/manifest.json: is not a manifest" in words
    assert f"{second.name} NOT USABLE: {second} does not hold a saved_model.pb" in words
    for version in (first, second):
        assert runs.command("promote", version.name, "--yes") == 2
        assert f"version {version.name} of ranking cannot be served" in capsys.readouterr().err
    assert runs.all_served == all_of("better")


@pytest.mark.parametrize(("answer", "served", "status"), [("y", "good", 0), ("n", "better", 1)])
def test_it_requires_confirmation_before_a_change(answer: str, served: str, status: int, runs: Runs) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [sys.executable, "-m", "pipeline", "rollback", f"--output={runs.output}"]
    done = subprocess.run(command, cwd=PROJECT, stdin=theirs, capture_output=True, text=True, check=False)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == status, done.stderr
    assert (
        f"Serve version {runs.versions[1]} of {', '.join(TOGETHER)}, as a new version? [y/N]" in done.stdout
    )
    assert ("nothing was changed" in done.stdout) == (status == 1)
    assert runs.all_served == all_of(served)
