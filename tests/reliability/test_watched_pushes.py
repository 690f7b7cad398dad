"""A watcher loads every version that it sees, while the processes that push are killed at random."""

import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tensorflow as tf

from components.atomic_pusher.manifest import MANIFEST_FILE
from components.atomic_pusher.storage import files_below, storage_of
from components.atomic_pusher.versions import changed_file, read_manifest, versions_in
from tests.pipeline_run import PROJECT
from tests.unit.components.atomic_pusher.tiny_models import TinyModel

pytestmark = pytest.mark.slow

SEED = 20
KILLS = 40
POLL_SECONDS = 0.02
# 2 MB a model, so that a copy takes a while.
WEIGHTS = 500_000


class Watcher(threading.Thread):
    """Loads and calls every integer folder that it has not seen, and looks again at those it has."""

    def __init__(self, base: Path) -> None:
        super().__init__()
        self.base = base
        self.loaded: set[int] = set()
        self.complaints: list[str] = []
        self.progress = threading.Condition()
        self.end = threading.Event()

    def run(self) -> None:
        last = False
        while not last:
            last = self.end.wait(POLL_SECONDS)
            # The newest first, as servers do; the oldest may go at any time.
            for number, path in reversed(versions_in(str(self.base)).items()):
                try:
                    self._look(number, path)
                except Exception as problem:
                    # That an old version goes while it is being read is not a fault: servers have left it.
                    if Path(path).is_dir():
                        self._write(complaint=f"{path}: {type(problem).__name__}: {problem}")

    def wait_for_more(self) -> None:
        """Returns when it has loaded another version, or has something to complain about."""
        seen = len(self.loaded)
        with self.progress:
            assert self.progress.wait_for(lambda: len(self.loaded) > seen or self.complaints, timeout=120)

    def _look(self, number: int, path: str) -> None:
        manifest = read_manifest(path)
        if number in self.loaded:
            if manifest is not None:
                assert set(manifest.files) == {*files_below(storage_of(path), path)} - {MANIFEST_FILE}
            return
        model = tf.saved_model.load(path)
        answer = model.signatures["serving_default"](user_id=tf.constant(["1", "2"]))["score"]
        assert answer.shape == [2]
        if manifest is not None:
            changed = changed_file(path, manifest)
            assert changed is None, changed
        self._write(loaded=number)

    def _write(self, loaded: int | None = None, complaint: str | None = None) -> None:
        with self.progress:
            self.loaded |= {loaded} if loaded is not None else set()
            self.complaints += [complaint] if complaint is not None else []
            self.progress.notify_all()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    return [TinyModel(seed, WEIGHTS).save(folder / str(seed)) for seed in range(2)]


def watched(how: str, base: Path, models: list[Path], kills: int) -> Watcher:
    """Lets processes push and be killed after a while that the seed decides, and returns what was seen."""
    moments = random.Random(SEED)
    base.mkdir()
    watcher = Watcher(base)
    watcher.start()
    try:
        for _ in range(kills):
            command = [
                sys.executable,
                "-m",
                "tests.reliability.pusher",
                how,
                str(base),
                "3",
                *map(str, models),
            ]
            with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                # Somewhere in a push, once one of this process has been seen.
                watcher.wait_for_more()
                watcher.end.wait(moments.uniform(0, 0.1))
                process.kill()
            if watcher.complaints:
                break
    finally:
        watcher.end.set()
        watcher.join()
    return watcher


def test_every_version_that_is_seen_answers(tmp_path: Path, models: list[Path]) -> None:
    watcher = watched("atomic", tmp_path / "base", models, KILLS)
    assert watcher.complaints == []
    assert len(watcher.loaded) >= KILLS
    # The next push clears up what the last kill left.
    command = [sys.executable, "-m", "tests.reliability.pusher", "atomic", str(tmp_path / "base"), "3"]
    with subprocess.Popen([*command, str(models[0])], cwd=PROJECT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"0\n"
        process.kill()
    shutil.rmtree(tmp_path / "base")


def test_the_watcher_sees_what_a_copy_in_place_leaves(tmp_path: Path, models: list[Path]) -> None:
    watcher = watched("in-place", tmp_path / "base", models, kills=1)
    assert watcher.complaints != []
