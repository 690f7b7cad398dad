"""Whether the metadata store is a whole SQLite file, which ML Metadata itself finds out late or never."""

import contextlib
import sqlite3
from pathlib import Path

from pipeline.config import ConfigError


def check_metadata(path: Path, artifacts: Path) -> None:
    """Looks through the metadata store of earlier runs, if there is one.

    A killed run may leave a journal with which SQLite undoes what was half-written; this does that, too.

    Args:
      path: the SQLite file.
      artifacts: the folder of the artifacts that it lists.

    Raises:
      ConfigError: it is damaged.
    """
    if not path.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as file:
            [found] = file.execute("pragma quick_check(1)").fetchone()
            problem = "" if found == "ok" else found.splitlines()[-1]
            [tables] = file.execute("select count(*) from sqlite_master").fetchone()
            if tables:
                file.execute("select count(*) from Execution")
            elif artifacts.exists():
                # Without them, a run was killed while it made the tables.
                problem = "it is empty, and there are artifacts"
    except sqlite3.Error as error:
        problem = str(error)
    if problem:
        raise ConfigError(
            f"{path}, the metadata store, is damaged ({problem}); put a backup of it back, or move it away: "
            "then every node runs again, and what is served stays"
        )
