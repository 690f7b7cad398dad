"""The journal: events in a SQLite database, durable before they are acknowledged.

Several processes may write at once. A commit is flushed to the disk (`synchronous = full`), so neither a
killed process nor a power cut loses an event that was acknowledged, and half of an event is never there.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from serving.feedback.events import FeedbackError, ImpressionEvent, RatedMovie, RatingEvent

JOURNAL_FILE: Final = "journal.sqlite"
# How long a process waits for another one's commit.
_PATIENCE: Final = 30.0

_TABLES: Final = """
create table if not exists events (event_id text primary key) without rowid;
create table if not exists movies (movie_id text primary key, title text not null, genres text not null)
  without rowid;
create table if not exists ratings (
  sequence integer primary key, user_id text not null, movie_id text not null, stars real not null,
  timestamp integer not null, folder integer
);
create index if not exists ratings_of_folder on ratings (folder);
create table if not exists impressions (
  sequence integer primary key, event_id text not null, user_id text not null, movie_id text not null,
  position integer not null, list_name text not null, version text not null, variant text not null,
  timestamp integer not null, folder integer
);
create index if not exists impressions_of_folder on impressions (folder);
create table if not exists folders (folder integer primary key autoincrement, closed integer not null);
"""

RatingRow = tuple[str, str, float, int]
ImpressionRow = tuple[str, str, str, int, str, str, str, int]


class Journal:
    """Events that are not in a closed folder yet. Threads may share one.

    Args:
      root: its folder, on a local disk: SQLite's locks do not work on network file systems.

    Raises:
      FeedbackError: the file cannot be opened, or is something else.
    """

    def __init__(self, root: Path) -> None:
        self._lock = threading.Lock()
        try:
            root.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                root / JOURNAL_FILE, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
            self._database.execute("pragma journal_mode = wal")
            self._database.execute("pragma synchronous = full")
            self._database.executescript(_TABLES)
        except (OSError, sqlite3.Error) as error:
            raise FeedbackError(
                f"{root / JOURNAL_FILE} cannot be opened: {error}; name a folder that can be written to"
            ) from error

    def add_rating(self, event: RatingEvent, movie: RatedMovie) -> bool:
        """Writes a rating; returns False if its event is there already."""
        with self.transaction() as database:
            if not _is_new(database, event.event_id):
                return False
            database.execute(
                "insert or replace into movies values (?, ?, ?)",
                (movie.movie_id, movie.title, "|".join(movie.genres)),
            )
            database.execute(
                "insert into ratings (user_id, movie_id, stars, timestamp) values (?, ?, ?, ?)",
                (event.user_id, event.movie_id, event.stars, event.timestamp),
            )
        return True

    def add_impression(self, event: ImpressionEvent) -> bool:
        """Writes a list that was shown, a row for each movie; returns False if it is there already."""
        with self.transaction() as database:
            if not _is_new(database, event.event_id):
                return False
            database.executemany(
                "insert into impressions (event_id, user_id, movie_id, position, list_name, version, variant,"
                " timestamp) values (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        event.event_id,
                        event.user_id,
                        movie_id,
                        position,
                        event.list_name,
                        event.version,
                        event.variant,
                        event.timestamp,
                    )
                    for position, movie_id in enumerate(event.movie_ids, event.first_position)
                ),
            )
        return True

    def waiting(self) -> tuple[int, int | None]:
        """How many ratings are in no folder, and the time of the first of them."""
        with self._lock:
            count, first = self._database.execute(
                "select count(*), min(timestamp) from ratings where folder is null"
            ).fetchone()
        return count, first

    def begin_folder(self) -> int | None:
        """Gives all waiting events to a new folder; returns its number, None if no rating waits."""
        with self.transaction() as database:
            if database.execute("select 1 from ratings where folder is null limit 1").fetchone() is None:
                return None
            number = database.execute("insert into folders (closed) values (0)").lastrowid
            for table in ("ratings", "impressions"):
                database.execute(f"update {table} set folder = ? where folder is null", (number,))
        return number

    def unfinished(self) -> list[int]:
        """The folders that were begun and not ended."""
        with self._lock:
            return [row[0] for row in self._database.execute("select folder from folders where closed = 0")]

    def end_folder(self, number: int) -> None:
        """Forgets the events of a folder that is complete on the disk; their ids stay."""
        with self.transaction() as database:
            database.execute("update folders set closed = 1 where folder = ?", (number,))
            for table in ("ratings", "impressions"):
                database.execute(f"delete from {table} where folder = ?", (number,))

    def ratings(self, number: int) -> list[RatingRow]:
        """User, movie, stars and time: the last rating of each pair, in the order of writing."""
        return self._rows(
            "select user_id, movie_id, stars, timestamp from ratings where sequence in"
            " (select max(sequence) from ratings where folder = ? group by user_id, movie_id)"
            " order by sequence",
            number,
        )

    def movies(self, number: int) -> list[tuple[str, str, str]]:
        """Id, title and genres of each movie that is rated in a folder."""
        return self._rows(
            "select movie_id, title, genres from movies where movie_id in"
            " (select movie_id from ratings where folder = ?) order by length(movie_id), movie_id",
            number,
        )

    def impressions(self, number: int) -> list[ImpressionRow]:
        """What was shown: event, user, movie, position, list, version, variant, time."""
        return self._rows(
            "select event_id, user_id, movie_id, position, list_name, version, variant, timestamp"
            " from impressions where folder = ? order by sequence",
            number,
        )

    def close(self) -> None:
        """Closes the database."""
        with self._lock:
            self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and on the disk at the end.

        Raises:
          FeedbackError: it could not be written, as on a full disk.
        """
        with self._lock:
            try:
                self._database.execute("begin immediate")
                try:
                    yield self._database
                except BaseException:
                    self._database.execute("rollback")
                    raise
                self._database.execute("commit")
            except sqlite3.Error as error:
                if self._database.in_transaction:
                    self._database.execute("rollback")
                raise FeedbackError(f"{JOURNAL_FILE} cannot be written: {error}") from error

    def _rows(self, query: str, number: int) -> list[Any]:
        with self._lock:
            return self._database.execute(query, (number,)).fetchall()


def _is_new(database: sqlite3.Connection, event_id: str) -> bool:
    added = database.execute("insert or ignore into events values (?)", (event_id,))
    return added.rowcount == 1
