"""Which version a candidate is compared with: files on a disk and nothing of TensorFlow."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from components.atomic_pusher.manifest import ROLLBACK, Provenance, model_fingerprint
from components.atomic_pusher.publishing import Retention
from components.atomic_pusher.versions import hashed_files, versions_in
from components.served_model.choice import ServedChoice, choose
from tests.unit.components.atomic_pusher.one_servable import point, push

SERIES = "ml-100k, leave_last_out"


class Serving:
    """A push destination, and models that differ in a word."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.base = folder, str(folder / "serving" / "ranking")

    def model(self, word: str) -> str:
        """The folder of a model that holds the word."""
        path = self.folder / word
        path.mkdir(exist_ok=True)
        (path / "saved_model.pb").write_text(word)
        return str(path)

    def choose(self, word: str, series: str = SERIES) -> ServedChoice:
        """For the model of that word as the candidate."""
        return choose(self.base, self.digest(word), series)

    def digest(self, word: str) -> str:
        """The fingerprint of the model of that word."""
        return model_fingerprint(hashed_files(self.model(word)))

    def push(self, word: str, baseline: str | None, series: str = SERIES) -> int:
        """Pushes it as one that was compared with `baseline`, and returns the version."""
        judged = self.digest(baseline) if baseline else baseline
        provenance = Provenance(series=series, baseline=judged)
        return push(self.base, self.model(word), provenance, Retention(9)).version


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    return Serving(tmp_path)


def test_nothing_is_served_yet(serving: Serving) -> None:
    choice = serving.choose("a")
    assert (choice.version, choice.digest, choice.key) == (None, "", "")
    assert choice.note


def test_a_new_model_is_compared_with_what_is_served(serving: Serving) -> None:
    serving.push("a", "")
    second = serving.push("b", "a")
    choice = serving.choose("c")
    assert (choice.version, choice.path) == (second, versions_in(serving.base)[second])
    assert choice.key == choice.digest == serving.digest("b")
    assert choice.note == f"version {second} was served"


def test_after_a_push_nothing_is_decided_anew(serving: Serving) -> None:
    """What the candidate depends on is the same before its push, after it, and after a rollback."""
    before = [serving.choose("a").key]
    first = serving.push("a", "")
    assert [serving.choose("a").key] == before
    before = [serving.choose("b").key]
    serving.push("b", "a")
    assert [serving.choose("b").key] == before
    point(serving.base, first, ROLLBACK)
    assert [serving.choose("b").key] == before
    # The first model is served again, and was compared with nothing.
    assert (serving.choose("a").version, serving.choose("a").key) == (None, "")


def test_after_a_rollback_a_new_model_is_compared_with_the_earlier_one(serving: Serving) -> None:
    first = serving.push("a", "")
    second = serving.push("b", "a")
    rolled_back = point(serving.base, first, ROLLBACK).version
    choice = serving.choose("c")
    assert choice.version == rolled_back > second
    assert choice.digest == serving.digest("a")


def test_what_a_model_was_compared_with_counts_also_when_it_is_gone(serving: Serving) -> None:
    first = serving.push("a", "")
    second = serving.push("b", "a")
    shutil.rmtree(versions_in(serving.base)[first])
    choice = serving.choose("b")
    assert (choice.version, choice.key) == (None, serving.digest("a"))
    assert f"version {second}" in choice.note


def test_a_model_pushed_before_that_was_recorded_is_compared_with_the_version_before(
    serving: Serving,
) -> None:
    first = serving.push("a", None)
    second = serving.push("b", None)
    choice = serving.choose("b")
    assert choice.version == first
    assert f"version {second}" in choice.note
    assert f"version {first}" in choice.note


def test_versions_of_other_data_or_another_split_are_not_compared_with(serving: Serving) -> None:
    version = serving.push("a", "", "ml-100k, random-0.2, seed 42, hash")
    choice = serving.choose("b")
    assert choice.version is None
    assert choice.note == (
        f"version {version} is of ml-100k, random-0.2, seed 42, hash, so it is not compared with"
    )
    assert serving.choose("b", "ml-100k, random-0.2, seed 42, hash").version == version


def test_versions_of_other_pushers_count_and_unfinished_ones_do_not(serving: Serving) -> None:
    shutil.copytree(serving.model("a"), Path(serving.base) / "7")
    (Path(serving.base) / "8").mkdir()
    (Path(serving.base) / ".staged-9").mkdir()
    choice = serving.choose("b")
    assert (choice.version, choice.digest) == (7, serving.digest("a"))
