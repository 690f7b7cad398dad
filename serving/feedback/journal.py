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

from serving.feedback.events import (
    FeedbackConflictError,
    FeedbackError,
    ImpressionEvent,
    RatedMovie,
    RatingEvent,
)

JOURNAL_FILE: Final = "journal.sqlite"
# How long a process waits for another one's commit.
_PATIENCE: Final = 30.0

_TABLES: Final = """
create table if not exists written (
  kind text not null, event_id text not null, content blob not null, primary key (kind, event_id)
) without rowid;
create table if not exists opening (only integer primary key check (only = 1), arrived integer not null);
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

    def add_rating(self, event: RatingEvent, movie: RatedMovie, arrived: int) -> bool:
        """Writes a rating; returns False if its event is there already.

        Args:
          event: the rating.
          movie: the movie of `event.movie_id`.
          arrived: when it came, UTC seconds.

        Raises:
          FeedbackConflictError: another rating has its id.
          FeedbackError: it could not be written.
        """
        with self.transaction() as database:
            if not _is_new(database, event):
                return False
            database.execute("insert or ignore into opening values (1, ?)", (arrived,))
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
        """Writes a list that was shown, a row for each movie; returns False if it is there already.

        Raises:
          FeedbackConflictError: another list has its id.
          FeedbackError: it could not be written.
        """
        with self.transaction() as database:
            if not _is_new(database, event):
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
        """How many ratings are in no folder, and when the first of them arrived."""
        with self._lock:
            count, arrived = self._database.execute(
                "select count(*), (select arrived from opening) from ratings where folder is null"
            ).fetchone()
        return count, arrived

    def begin_folder(self) -> int | None:
        """Gives all waiting events to a new folder; returns its number, None if no rating waits."""
        with self.transaction() as database:
            if database.execute("select 1 from ratings where folder is null limit 1").fetchone() is None:
                return None
            number = database.execute("insert into folders (closed) values (0)").lastrowid
            database.execute("delete from opening")
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
        """User, movie, stars and time: the last rating of each pair, in the order of arrival.

        The last one is that with the latest time; of several with the same time, that which arrived last.
        """
        return self._rows(
            "select user_id, movie_id, stars, timestamp from (select *, row_number() over"
            " (partition by user_id, movie_id order by timestamp desc, sequence desc) as place"
            " from ratings where folder = ?) where place = 1 order by sequence",
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


def _is_new(database: sqlite3.Connection, event: RatingEvent | ImpressionEvent) -> bool:
    kind = "rating" if isinstance(event, RatingEvent) else "impression"
    row = (kind, event.event_id, event.content())
    if database.execute("insert or ignore into written values (?, ?, ?)", row).rowcount == 1:
        return True
    same = "select 1 from written where kind = ? and event_id = ? and content = ?"
    if database.execute(same, row).fetchone() is None:
        raise FeedbackConflictError(
            f"{kind} {event.event_id} was written before with another content: give another event another id"
        )
    return False
