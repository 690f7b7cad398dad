"""Versions appear whole and in order, record what they are, and are removed in order."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest
import tensorflow as tf

from components.atomic_pusher import history
from components.atomic_pusher.manifest import Provenance
from components.atomic_pusher.publishing import Pushed, PushError, Retention
from components.atomic_pusher.storage import GfileStorage
from components.atomic_pusher.versions import (
    changed_file,
    read_manifest,
    served_version,
    staged_version,
    versions_in,
)
from tests.unit.components.atomic_pusher.one_servable import point, push
from tests.unit.components.atomic_pusher.tiny_models import answers

KEEP = Retention(keep=5)
WHENCE = Provenance(
    metrics={"candidate": {"rmse": 0.9}, "reference": {"rmse": 1.0}},
    measured_on="eval split, random, ml-100k",
    run_id="run 7",
    data={"ratings": "aa", "movies": "bb"},
    code={"training": "cc"},
    schema="dd",
    series="ml-100k, random-0.2",
    baseline="ee",
)
PROJECT = Path(__file__).parents[4]


def push_to(base: Path | str, model: Path, retention: Retention = KEEP) -> Pushed:
    return push(
        str(base), str(model), WHENCE, retention, {"assets.extra/tf_serving_warmup_requests": b"warm"}
    )


def names(base: Path) -> set[str]:
    """What is below the folder but lock and log."""
    return {path.name for path in base.iterdir()} - {".lock", history.LOG_FILE}


def test_a_version_has_the_models_files_a_warm_up_file_and_a_manifest(
    tmp_path: Path, models: list[Path]
) -> None:
    base = tmp_path / "serving" / "ranking"
    pushed = push_to(base, models[0])
    version = Path(pushed.path)
    assert pushed == Pushed(int(version.name), str(base / version.name), True, int(version.name))
    assert names(base) == {version.name}
    for path in models[0].rglob("*"):
        if path.is_file():
            assert (version / path.relative_to(models[0])).read_bytes() == path.read_bytes()
    assert (version / "assets.extra" / "tf_serving_warmup_requests").read_bytes() == b"warm"
    assert answers(version) == answers(models[0])

    written = json.loads((version / "assets.extra" / "manifest.json").read_text())
    assert written["version"] == written["origin"] == pushed.version
    assert written["metrics"] == {"candidate": {"rmse": 0.9}, "reference": {"rmse": 1.0}}
    assert (written["run_id"], written["data"], written["code"], written["schema"]) == (
        "run 7",
        {"ratings": "aa", "movies": "bb"},
        {"training": "cc"},
        "dd",
    )
    assert written["move"]["from"] is None
    assert written["move"]["to"] == pushed.version
    manifest = read_manifest(str(version))
    assert manifest is not None
    assert manifest.provenance == WHENCE
    assert changed_file(str(version), manifest) is None


@pytest.mark.parametrize("step", [0, -3600, 0.3], ids=["frozen", "stepped back", "within a second"])
def test_versions_rise_whatever_the_clock_does(
    step: float, tmp_path: Path, models: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(2_000_000_000 + step * tick for tick in range(100))
    monkeypatch.setattr(time, "time", lambda: next(clock))
    pushed = [push_to(tmp_path, model).version for model in models]
    assert pushed == [2_000_000_000, 2_000_000_001, 2_000_000_002]
    assert served_version(str(tmp_path)) == pushed[-1]


def test_a_number_that_was_used_is_not_used_again(
    tmp_path: Path, models: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 100.0)
    shutil.rmtree(push_to(tmp_path, models[0]).path)
    (tmp_path / "205").mkdir()
    assert push_to(tmp_path, models[1]).version == 206
    (tmp_path / str(2**63 - 1)).mkdir()
    with pytest.raises(PushError, match=f"{2**63 - 1}.*version 206"):
        push_to(tmp_path, models[2])


def test_names_of_versions_being_made_are_no_integers(
    tmp_path: Path, models: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    fsync = os.fsync

    def looking(descriptor: int) -> None:
        seen.update(names(tmp_path))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", looking)
    pushed = [push_to(tmp_path, model, Retention(1)).version for model in models]
    staged = {name for name in seen if not name.isdecimal()}
    assert {staged_version(name) for name in staged} == set(pushed)
    for name in staged:
        with pytest.raises(ValueError, match="invalid literal"):
            int(name)


def test_a_model_that_is_there_is_not_pushed_again(tmp_path: Path, models: list[Path]) -> None:
    first, second = push_to(tmp_path, models[0]), push_to(tmp_path, models[1])
    before = names(tmp_path)
    assert push_to(tmp_path, models[1]) == Pushed(second.version, second.path, False, second.version)
    # Nor when another version is served, as after a rollback.
    assert push_to(tmp_path, models[0]) == Pushed(first.version, first.path, False, second.version)
    assert names(tmp_path) == before
    # A version that has lost a file does not stand for the model any more.
    (Path(second.path) / "variables" / "variables.index").unlink()
    assert push_to(tmp_path, models[1]).is_new


def test_the_version_that_a_push_stands_for_stays(tmp_path: Path, models: list[Path]) -> None:
    first, second = push_to(tmp_path, models[0]), push_to(tmp_path, models[1])
    back = point(str(tmp_path), first.version, "rollback").version
    # The model that was left, with room for one: the served version is another one.
    assert push_to(tmp_path, models[1], Retention(1)).version == second.version
    assert list(versions_in(str(tmp_path))) == [second.version, back]


def test_retention_keeps_the_newest_the_pinned_and_what_is_no_model(
    tmp_path: Path, models: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)
    (tmp_path / "7").mkdir()
    for version in range(8, 14):
        point_or_push(tmp_path, models, version)
    assert sorted(versions_in(str(tmp_path))) == [7, 8, 9, 10, 11, 12, 13]
    (tmp_path / "14").mkdir()
    extra = tmp_path / "extra"
    shutil.copytree(models[0], extra)
    (extra / "note").write_text("another model")
    assert push_to(tmp_path, extra, Retention(2, [9])).version == 15
    # 14 is the newest but no model, so it takes nobody's place.
    assert sorted(versions_in(str(tmp_path))) == [7, 9, 13, 14, 15]


def point_or_push(base: Path, models: list[Path], version: int) -> None:
    made = (
        push_to(base, models[0], Retention(9)) if version == 8 else point(str(base), version - 1, "promote")
    )
    assert made.version == version


def test_the_only_good_version_stays(tmp_path: Path, models: list[Path]) -> None:
    only = push_to(tmp_path, models[0], Retention(1))
    (tmp_path / str(only.version + 1)).mkdir()
    assert not push_to(tmp_path, models[0], Retention(1)).is_new
    assert answers(Path(only.path)) == answers(models[0])


def test_what_is_no_model_is_refused(tmp_path: Path, models: list[Path]) -> None:
    served = push_to(tmp_path / "base", models[0])
    (tmp_path / "empty").mkdir()
    with pytest.raises(PushError, match=r"empty does not hold a saved_model\.pb"):
        push_to(tmp_path / "base", tmp_path / "empty")
    assert names(tmp_path / "base") == {str(served.version)}


PUSH_IN_NEED = """
import os, resource, signal, sys
from components.atomic_pusher import manifest, publishing
from tests.unit.components.atomic_pusher.one_servable import push
need, base, model = sys.argv[1:]
if need == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
elif os.getuid() == 0:
    os.seteuid(65534)
try:
    push(base, model, manifest.Provenance(), publishing.Retention(5))
except publishing.PushError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize(("need", "reason"), [("full", "File too large"), ("read-only", "Permission denied")])
def test_a_push_that_cannot_write_leaves_what_is_served(need: str, reason: str, models: list[Path]) -> None:
    # Not below tmp_path, whose parents another user may not enter.
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    shutil.copytree(models[1], folder / "model")
    try:
        served = push_to(folder / "base", models[0])
        (folder / "base").chmod(0o555)
        command = [sys.executable, "-c", PUSH_IN_NEED, need, str(folder / "base"), str(folder / "model")]
        if need == "full":
            (folder / "base").chmod(0o755)
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert f"nothing was pushed: {reason}" in done.stderr
        assert done.stderr.endswith(f"version {served.version} is still served\n")
        assert names(folder / "base") == {str(served.version)}
        assert answers(Path(served.path)) == answers(models[0])
    finally:
        (folder / "base").chmod(0o755)
        shutil.rmtree(folder)


def test_pushes_at_once_come_one_after_the_other(tmp_path: Path, models: list[Path]) -> None:
    code = (
        "import sys; from components.atomic_pusher import manifest, publishing;"
        "from tests.unit.components.atomic_pusher.one_servable import push;"
        "push(sys.argv[1], sys.argv[2], manifest.Provenance(), publishing.Retention(9))"
    )
    base = tmp_path / "base"
    at_once = [
        subprocess.Popen([sys.executable, "-c", code, str(base), str(model)], cwd=PROJECT) for model in models
    ]
    assert [process.wait() for process in at_once] == [0, 0, 0]
    assert len(versions_in(str(base))) == 3
    log = history.moves(str(base))
    assert [move.version for move in log] == sorted(versions_in(str(base)))
    assert [move.previous for move in log] == [None, *sorted(versions_in(str(base)))[:-1]]


class TestObjectStore:
    """`ram://` stands for stores without atomic renames: TensorFlow's own file system in memory."""

    def test_push_and_rollback(self, models: list[Path]) -> None:
        base = f"ram://{uuid.uuid4().hex}/ranking"
        first, second = (push_to(base, model) for model in models[:2])
        assert list(versions_in(base)) == [first.version, second.version]
        back = point(base, first.version, "rollback")
        assert served_version(base) == back.version > second.version
        path = f"{base}/{back.version}"
        assert answers(path) == answers(models[0]) != answers(second.path)
        manifest = read_manifest(path)
        assert manifest is not None
        assert changed_file(path, manifest) is None
        assert [move.version for move in history.moves(base)] == list(versions_in(base))

    def test_the_file_that_makes_it_a_model_comes_last(
        self, models: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        base = f"ram://{uuid.uuid4().hex}/ranking"
        rename, came = tf.io.gfile.rename, []
        monkeypatch.setattr(tf.io.gfile, "rename", lambda old, new: (came.append(new), rename(old, new)))
        pushed = push_to(base, models[0])
        assert len(came) > 4
        assert [path for path in came if path.endswith("saved_model.pb")] == [f"{pushed.path}/saved_model.pb"]
        assert came[-1] == f"{pushed.path}/saved_model.pb"

    def test_a_push_that_ended_halfway_is_cleared_away_by_the_next(
        self, models: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        base = f"ram://{uuid.uuid4().hex}/ranking"
        first = push_to(base, models[0])
        with monkeypatch.context() as patch:
            patch.setattr(GfileStorage, "remove", lambda *_: None)
            patch.setattr(tf.io.gfile, "rename", _failing_at(3, tf.io.gfile.rename))
            with pytest.raises(PushError, match=f"version {first.version}"):
                push_to(base, models[1])
        assert len(versions_in(base)) == 2
        assert served_version(base) == first.version
        second = push_to(base, models[1])
        assert list(versions_in(base)) == [first.version, second.version]
        assert {name.strip("/") for name in tf.io.gfile.listdir(base)} == {
            str(first.version),
            str(second.version),
            history.LOG_FILE,
        }


def _failing_at(count: int, rename: object) -> object:
    left = iter(range(count))

    def renamed(old: str, new: str) -> None:
        if next(left, None) is None:
            raise tf.errors.UnavailableError(None, None, "no more")
        rename(old, new)  # type: ignore[operator]

    return renamed
