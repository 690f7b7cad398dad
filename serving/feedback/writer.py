"""The writer of feedback: checks events, writes them, and closes folders."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

from serving.feedback.events import FeedbackError, ImpressionEvent, RatedMovie, RatingEvent
from serving.feedback.folders import write_folder
from serving.feedback.journal import Journal

# A folder is closed when it holds so many ratings, or when its first one arrived so long ago.
FOLDER_RATINGS: Final = 10_000
FOLDER_SECONDS: Final = 24 * 3600
_LOCK_FILE: Final = "closing.lock"


class FeedbackWriter:
    """Writes ratings and impressions below a folder. Threads may share one; processes each have their own.

    What `rate` and `show` return for is on the disk. Closed folders are data sets that `python -m movielens
    check` and the pipeline read; they never change.

    Args:
      root: the folder, on a local disk; made if it is not there.
      stars: the ratings that the data set has; others are refused. None takes all half stars up to 5.
      folder_ratings: how many ratings close a folder.
      folder_seconds: how long after its first rating arrived it is closed.

    Raises:
      FeedbackError: the folder cannot be used.
    """

    def __init__(
        self,
        root: Path,
        stars: Iterable[float] | None = None,
        *,
        folder_ratings: int = FOLDER_RATINGS,
        folder_seconds: int = FOLDER_SECONDS,
    ) -> None:
        self.root = root
        self._stars = frozenset(half / 2 for half in range(1, 11)) if stars is None else frozenset(stars)
        self._folder_ratings = folder_ratings
        self._folder_seconds = folder_seconds
        self._journal = Journal(root)

    def rate(self, event: RatingEvent, movie: RatedMovie) -> bool:
        """Writes a rating; returns False if an event of that id is there already.

        Args:
          event: the rating.
          movie: the movie of `event.movie_id`.

        Raises:
          FeedbackConflictError: another rating has its id.
          FeedbackError: the stars are not of the scale, the movie is another one, or the disk refuses.
        """
        if event.stars not in self._stars:
            allowed = ", ".join(f"{each:g}" for each in sorted(self._stars))
            raise FeedbackError(f"{event.stars:g} stars are not on the scale of the data set: {allowed}")
        if movie.movie_id != event.movie_id:
            raise FeedbackError(f"the rating is of movie {event.movie_id} and not of {movie.movie_id}")
        added = self._journal.add_rating(event, movie, int(time.time()))
        self._close_if_due()
        return added

    def show(self, event: ImpressionEvent) -> bool:
        """Writes a list that was shown; returns False if it is there already.

        Raises:
          FeedbackConflictError: another list has its id.
          FeedbackError: the disk refuses.
        """
        return self._journal.add_impression(event)

    def close_folder(self) -> Path | None:
        """Closes what waits as a data set folder; returns it, None if there is not a rating to close.

        Folders that a killed process began are completed first.

        Raises:
          FeedbackError: it cannot be written; the events stay where they are.
        """
        try:
            with self._only_one():
                for number in self._journal.unfinished():
                    self._finish(number)
                begun = self._journal.begin_folder()
                return None if begun is None else self._finish(begun)
        except OSError as error:
            raise FeedbackError(f"{self.root}: a folder cannot be closed: {error}") from error

    def waiting(self) -> int:
        """How many ratings are in no closed folder."""
        return self._journal.waiting()[0]

    def close(self) -> None:
        """Closes the journal; waiting events stay in it."""
        self._journal.close()

    def __enter__(self) -> FeedbackWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _close_if_due(self) -> None:
        count, arrived = self._journal.waiting()
        if arrived is not None and (
            count >= self._folder_ratings or time.time() - arrived >= self._folder_seconds
        ):
            self.close_folder()

    def _finish(self, number: int) -> Path:
        folder = write_folder(self.root, number, self._journal)
        self._journal.end_folder(number)
        return folder

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        """One process and thread at a time; the lock of a killed process is gone with it."""
        with (self.root / _LOCK_FILE).open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield
