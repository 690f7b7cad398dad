"""kill -9 at every call that a push makes: what is served is whole, and the next push clears up."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def kills(models: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each kill left, in the order of the calls; the last one came too late."""
    command = [sys.executable, "-m", "tests.unit.components.atomic_pusher.killed_pushes"]
    done = subprocess.run(
        [*command, str(tmp_path_factory.mktemp("kills")), *map(str, models)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_push_was_killed_everywhere(kills: list[dict[str, Any]]) -> None:
    assert [kill["killed"] for kill in kills] == [True] * (len(kills) - 1) + [False]
    # Before it was staged, half staged, and while the old version was being removed.
    left = [tuple(kill["left"]) for kill in kills]
    assert () in left
    assert sum(name[0].startswith(".staged-") for name in left if name) > 20
    assert any(name[0].startswith(".removed-") for name in left if name)


def test_every_version_is_whole_and_one_of_each_servable_is_served(kills: list[dict[str, Any]]) -> None:
    for kill in kills:
        assert kill["whole"]
        for versions in kill["versions"]:
            assert versions
            assert kill["first"] in versions or min(versions) > kill["first"]
    for servable in (0, 1):
        served = [max(kill["versions"][servable]) > kill["first"] for kill in kills]
        # The old version up to one call, the new one from there on.
        assert served == sorted(served)
        assert {False, True} == set(served)


def test_the_new_list_is_never_served_without_the_model_before_it(kills: list[dict[str, Any]]) -> None:
    served = {tuple(max(versions) > kill["first"] for versions in kill["versions"]) for kill in kills}
    # A kill between the publications is among them.
    assert served == {(False, False), (True, False), (True, True)}


def test_the_next_push_clears_up(kills: list[dict[str, Any]]) -> None:
    for kill in kills:
        assert kill["third"] > max(map(max, kill["versions"]))
        assert kill["after"] == [sorted([".lock", "history.jsonl", str(kill["third"])])] * 2


def test_every_version_of_a_whole_run_that_was_served_is_in_the_logs(kills: list[dict[str, Any]]) -> None:
    for kill in kills:
        whole = set(kill["versions"][0]) & set(kill["versions"][1])
        # What was served and has been removed was logged before.
        assert {kill["first"], *whole, *kill["versions"][1], kill["third"]} == set(kill["logged"][0])
        assert kill["logged"][0] == kill["logged"][1]
