"""ML Metadata's SQLite file survives that its process is killed, whatever it was writing."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import ml_metadata as mlmd
import pytest

from pipeline.local_run.metadata_file import check_metadata
from tests.reliability import store_writer

KILLS = 25


def _killed_writer(path: Path, lines: int, seconds: float) -> int:
    """Lets a process write until it has written `lines` lines and worked on for `seconds`; its last one."""
    command = [sys.executable, store_writer.__file__, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(lines)]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pass
        process.kill()
        printed += process.stdout.read().splitlines()
    return max((int(line) for line in printed if line.strip().isdecimal()), default=0)


@pytest.mark.slow
def test_a_store_survives_kills_at_random_points(tmp_path: Path) -> None:
    # A fixed series; the points are random all the same, as no process is as fast as another.
    chosen = random.Random(7)
    path = tmp_path / "metadata.sqlite"
    for _ in range(KILLS):
        if chosen.random() < 0.4:
            # The next one makes the tables anew.
            path.unlink(missing_ok=True)
        # The first line comes before the tables are made, each later one with an execution.
        last = _killed_writer(path, chosen.choice([1, 1, 2, 9]), chosen.uniform(0, 0.02))

        check_metadata(path, tmp_path / "artifacts")

        connection = mlmd.proto.ConnectionConfig()
        connection.sqlite.filename_uri = str(path)
        written = {found.id for found in mlmd.MetadataStore(connection).get_executions()}
        assert last == 0 or last in written
