"""The local model server in a process of its own, over folders of versions that a benchmark can change."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measured_run import BenchmarkError
from serving.batch_models import ModelError, newest_version

MODELS: Final = ("retrieval", "ranking")
_READY: Final = re.compile(r"ready grpc=(\S+)")


@dataclass(frozen=True)
class ServedFolders:
    """A server that answers.

    Attributes:
      address: of gRPC.
      pid: its process.
      root: holds `retrieval/` and `ranking/`, each with versions.
    """

    address: str
    pid: int
    root: Path

    def add_version(self, model: str, version: int) -> None:
        """Puts a copy of the model's first version there as a version of its own, all at once."""
        staged = self.root / model / f"staged-{version}"
        shutil.copytree(self.root / model / "1", staged, copy_function=_link)
        staged.rename(self.root / model / str(version))

    def remove_version(self, model: str, version: int) -> None:
        """Takes a version away, all at once: a rollback to the one before it."""
        removed = self.root / model / f"removed-{version}"
        (self.root / model / str(version)).rename(removed)
        shutil.rmtree(removed)


@contextlib.contextmanager
def local_server(models: Path, folder: Path, *flags: str) -> Iterator[ServedFolders]:
    """Serves links to the newest versions below `models`, as version 1 each.

    Args:
      models: holds `retrieval/` and `ranking/` as the pipeline pushes them.
      folder: an empty folder on the same file system or another one.
      flags: more flags of the server.

    Raises:
      BenchmarkError: a model is missing or the server does not start.
    """
    for name in MODELS:
        try:
            version = newest_version(models / name)
        except ModelError as error:
            raise BenchmarkError(f"{error} (--models: the folder that a run pushed to)") from error
        shutil.copytree(version, folder / name / "1", copy_function=_link)
    config = folder / "models.config"
    listed = "\n".join(
        f'config {{ name: "{name}" base_path: "{folder / name}" model_platform: "tensorflow" }}'
        for name in MODELS
    )
    config.write_text(f"model_config_list {{\n{listed}\n}}\n", encoding="utf-8")
    log = folder / "server.log"
    command = [
        sys.executable,
        "-m",
        "serving.model_server",
        "--port=0",
        f"--model_config_file={config}",
        *flags,
    ]
    with (
        log.open("w", encoding="utf-8") as stream,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stream, encoding="utf-8") as process,
    ):
        try:
            assert process.stdout is not None
            ready = _READY.search(process.stdout.readline())
            if ready is None:
                raise BenchmarkError(f"the server did not start: {log.read_text(encoding='utf-8')[-2000:]}")
            yield ServedFolders(ready[1], process.pid, folder)
        finally:
            process.terminate()


def _link(source: str, target: str) -> str:
    """A hard link where that works: a copy of a large model takes time and disk."""
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)
    return target
