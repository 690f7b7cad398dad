"""An earlier model comes back bit for bit, as a new version, and the log records who brought it."""

import getpass
import json
import os
from pathlib import Path

import pytest

from components.atomic_pusher import history
from components.atomic_pusher.manifest import Provenance
from components.atomic_pusher.publishing import PushError, Retention
from components.atomic_pusher.versions import read_manifest, served_version, versions_in
from tests.unit.components.atomic_pusher.one_servable import point, push
from tests.unit.components.atomic_pusher.tiny_models import answers

KEEP = Retention(5)
WARM = {"assets.extra/tf_serving_warmup_requests": b"warm"}


def pushed(base: Path, models: list[Path]) -> list[int]:
    return [
        push(str(base), str(model), Provenance(run_id=model.name), KEEP, WARM).version for model in models
    ]


def files(version: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(version)): path.read_bytes()
        for path in version.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


def test_a_rollback_is_a_new_version_with_the_earlier_files_and_answers(
    tmp_path: Path, models: list[Path]
) -> None:
    first, second = pushed(tmp_path, models[:2])
    made = point(str(tmp_path), first, "rollback")
    assert served_version(str(tmp_path)) == made.version > second
    assert files(tmp_path / str(made.version)) == files(tmp_path / str(first))
    assert answers(tmp_path / str(made.version)) == answers(models[0]) != answers(models[1])
    assert (made.origin, made.move.copy_of, made.provenance.run_id) == (first, first, "0")
    assert read_manifest(str(tmp_path / str(made.version))) == made
    # A copy of a copy still records where it comes from.
    again = point(str(tmp_path), made.version, "promote")
    assert (again.origin, again.move.copy_of) == (first, made.version)


def test_the_log_records_who_pointed_what_where_and_when(tmp_path: Path, models: list[Path]) -> None:
    first, second = pushed(tmp_path, models[:2])
    made = point(str(tmp_path), first, "rollback")
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [(line["action"], line["from"], line["to"], line["copy_of"]) for line in lines] == [
        ("push", None, first, None),
        ("push", first, second, None),
        ("rollback", second, made.version, first),
    ]
    assert {line["user"] for line in lines} == {getpass.getuser()}
    assert {line["host"] for line in lines} == {os.uname().nodename}
    assert all(line["time"].endswith("+00:00") for line in lines)


def test_what_a_killed_process_or_a_power_cut_kept_from_the_log_is_made_up_for(
    tmp_path: Path, models: list[Path]
) -> None:
    first, second = pushed(tmp_path, models[:2])
    log = tmp_path / history.LOG_FILE
    whole = log.read_bytes()
    log.write_bytes(whole[:-30])
    [third] = pushed(tmp_path, models[2:])
    assert [move.version for move in history.moves(str(tmp_path))] == [first, second, third]
    assert log.read_bytes().startswith(whole[:-30])


def test_a_version_whose_bytes_changed_is_refused_by_file_name(tmp_path: Path, models: list[Path]) -> None:
    first, second = pushed(tmp_path, models[:2])
    data = tmp_path / str(first) / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-1] + b"?")
    with pytest.raises(PushError, match=r"variables\.data-00000-of-00001 is not what was pushed"):
        point(str(tmp_path), first, "rollback")
    assert list(versions_in(str(tmp_path))) == [first, second]


def test_a_version_that_is_not_there_is_named_beside_those_that_are(
    tmp_path: Path, models: list[Path]
) -> None:
    first, second = pushed(tmp_path, models[:2])
    with pytest.raises(PushError, match=f"lacks version 7; there are: {first}, {second}"):
        point(str(tmp_path), 7, "promote")
    with pytest.raises(PushError, match="lacks version 7; there are: none"):
        point(str(tmp_path / "nowhere"), 7, "promote")
    assert not (tmp_path / "nowhere").exists()


def test_a_version_of_another_pusher_can_be_served_again(tmp_path: Path, models: list[Path]) -> None:
    (tmp_path / "base").mkdir()
    foreign = tmp_path / "base" / "12"
    foreign.symlink_to(models[0])
    pushed(tmp_path / "base", models[1:2])
    made = point(str(tmp_path / "base"), 12, "rollback")
    assert made.origin == 12
    assert answers(tmp_path / "base" / str(made.version)) == answers(models[0])
