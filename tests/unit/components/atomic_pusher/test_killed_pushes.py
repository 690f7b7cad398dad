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


def test_every_version_is_whole_and_one_is_served(kills: list[dict[str, Any]]) -> None:
    for kill in kills:
        assert kill["whole"]
        assert kill["versions"]
        assert kill["first"] in kill["versions"] or min(kill["versions"]) > kill["first"]
    served = [max(kill["versions"]) > kill["first"] for kill in kills]
    # The old version up to one call, the new one from there on.
    assert served == sorted(served)
    assert {False, True} == set(served)


def test_the_next_push_clears_up(kills: list[dict[str, Any]]) -> None:
    for kill in kills:
        assert kill["third"] > max(kill["versions"])
        assert kill["after"] == sorted([".lock", "history.jsonl", str(kill["third"])])


def test_every_version_that_was_served_is_in_the_log(kills: list[dict[str, Any]]) -> None:
    for kill in kills:
        assert {kill["first"], *kill["versions"], kill["third"]} == set(kill["logged"])
