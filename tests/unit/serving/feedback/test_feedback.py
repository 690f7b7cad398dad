"""The writer of feedback: nothing acknowledged is lost or there twice, closed folders are data sets."""

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from movielens.__main__ import main as movielens
from serving.__main__ import main as serving
from serving.feedback import (
    FeedbackConflictError,
    FeedbackError,
    FeedbackWriter,
    ImpressionEvent,
    RatedMovie,
    RatingEvent,
)
from serving.feedback.events import MOST_SECONDS_AHEAD
from serving.feedback.folders import folder_of, write_folder
from serving.feedback.journal import Journal
from tests.pipeline_run import PROJECT

STARS = (1.0, 2.0, 3.0, 4.0, 5.0)
# Rates one movie after the other and prints each event once it is acknowledged.
RATE_ON = """
import itertools, sys
from pathlib import Path
from serving.feedback import FeedbackWriter, RatedMovie, RatingEvent
writer = FeedbackWriter(Path(sys.argv[1]), (1.0, 2.0, 3.0, 4.0, 5.0), folder_ratings=40)
for movie in map(str, itertools.count(1)):
    event = RatingEvent(event_id=f"{sys.argv[2]}-{movie:>08}", user_id=sys.argv[2], movie_id=movie, stars=4)
    writer.rate(event, RatedMovie(movie_id=movie, title=f'A, "{movie}"', genres=("Drama", "War")))
    print(movie, flush=True)
"""


def movie(movie_id: str) -> RatedMovie:
    return RatedMovie(movie_id=movie_id, title=f"Étude, {movie_id} (1999)", genres=("Drama",))


def rating(
    event: str, user: str = "7", movie_id: str = "50", stars: float = 4.0, timestamp: int = 1_000_000
) -> RatingEvent:
    return RatingEvent(event_id=event, user_id=user, movie_id=movie_id, stars=stars, timestamp=timestamp)


def rows(folder: Path, file: str = "ratings.csv") -> list[dict[str, str]]:
    with (folder / file).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_closed_folder_is_a_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FeedbackWriter(tmp_path, STARS) as writer:
        assert writer.rate(rating("event-01"), movie("50"))
        assert writer.rate(rating("event-02", movie_id="51", stars=2.0), movie("51"))
        # The same movie again: the last rating counts.
        assert writer.rate(rating("event-03", stars=5.0), movie("50"))
        shown = ImpressionEvent(
            event_id="list-0001", user_id="7", movie_ids=("51", "50"), list_name="for-you", first_position=21
        )
        assert writer.show(shown)

    assert serving(["feedback", str(tmp_path)]) == 0
    folder = Path(capsys.readouterr().out.strip())

    assert movielens(["check", str(folder)]) == 0
    pairs = {(row["userId"], row["movieId"]): float(row["rating"]) for row in rows(folder)}
    assert pairs == {("7", "51"): 2.0, ("7", "50"): 5.0}
    assert [row["title"] for row in rows(folder, "movies.csv")] == ["Étude, 50 (1999)", "Étude, 51 (1999)"]
    impressions = rows(folder, "impressions.csv")
    assert [(row["movieId"], row["position"]) for row in impressions] == [("51", "21"), ("50", "22")]
    assert serving(["feedback", str(tmp_path)]) == 0
    assert list(tmp_path.glob("feedback-*")) == [folder]


def test_an_event_counts_once_even_after_its_folder_was_closed(tmp_path: Path) -> None:
    with FeedbackWriter(tmp_path, STARS) as writer:
        assert writer.rate(rating("event-01"), movie("50"))
        assert not writer.rate(rating("event-01"), movie("50"))
        folder = writer.close_folder()
        assert folder is not None
        assert not writer.rate(rating("event-01"), movie("50"))
        assert writer.close_folder() is None
    assert [float(row["rating"]) for row in rows(folder)] == [4.0]


def test_another_event_with_the_id_of_one_is_refused(tmp_path: Path) -> None:
    shown = ImpressionEvent(event_id="list-0001", user_id="7", movie_ids=("51",), list_name="for-you")
    with FeedbackWriter(tmp_path, STARS) as writer:
        assert writer.rate(rating("event-01"), movie("50"))
        for another in (
            rating("event-01", stars=1.0),
            rating("event-01", user="8"),
            rating("event-01", movie_id="51"),
        ):
            with pytest.raises(FeedbackConflictError, match="event-01"):
                writer.rate(another, movie(another.movie_id))
        assert writer.show(shown)
        assert not writer.show(shown)
        with pytest.raises(FeedbackConflictError, match="list-0001"):
            writer.show(shown.model_copy(update={"movie_ids": ("50",)}))
        folder = writer.close_folder()
    assert folder is not None
    assert [(row["userId"], row["movieId"], row["rating"]) for row in rows(folder)] == [("7", "50", "4.0")]
    assert [row["movieId"] for row in rows(folder, "impressions.csv")] == ["51"]


def test_ratings_and_impressions_have_ids_of_their_own(tmp_path: Path) -> None:
    with FeedbackWriter(tmp_path, STARS) as writer:
        assert writer.rate(rating("event-01"), movie("50"))
        assert writer.show(
            ImpressionEvent(event_id="event-01", user_id="7", movie_ids=("50",), list_name="for-you")
        )
        folder = writer.close_folder()
    assert folder is not None
    assert len(rows(folder)) == len(rows(folder, "impressions.csv")) == 1


def test_of_several_ratings_the_latest_counts_and_of_one_time_that_which_arrived_last(
    tmp_path: Path,
) -> None:
    sent = [("50", 3.0, 200), ("50", 5.0, 100), ("51", 1.0, 100), ("51", 2.0, 100)]
    with FeedbackWriter(tmp_path, STARS) as writer:
        for number, (movie_id, stars, timestamp) in enumerate(sent):
            event = rating(f"event-{number:02}", movie_id=movie_id, stars=stars, timestamp=timestamp)
            assert writer.rate(event, movie(movie_id))
        folder = writer.close_folder()
    assert folder is not None
    assert {row["movieId"]: float(row["rating"]) for row in rows(folder)} == {"50": 3.0, "51": 2.0}


def test_a_time_ahead_of_the_clock_is_refused() -> None:
    now = int(time.time())
    assert rating("event-01", timestamp=now + MOST_SECONDS_AHEAD // 2).timestamp > now
    with pytest.raises(ValidationError, match="ahead of the clock"):
        rating("event-01", timestamp=now + 10 * MOST_SECONDS_AHEAD)
    with pytest.raises(ValidationError, match="ahead of the clock"):
        ImpressionEvent(
            event_id="list-0001",
            user_id="7",
            movie_ids=("51",),
            list_name="for-you",
            timestamp=now + 10 * MOST_SECONDS_AHEAD,
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"stars": -1},
        {"stars": True},
        {"user_id": "me"},
        {"movie_id": "5;0"},
        {"event_id": "x"},
        {"comment": "a column"},
    ],
    ids=str,
)
def test_what_is_not_in_the_schema_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RatingEvent.model_validate({**rating("event-01").model_dump(), **wrong})


def test_stars_off_the_scale_are_refused_by_name(tmp_path: Path) -> None:
    with FeedbackWriter(tmp_path, STARS) as writer:
        with pytest.raises(FeedbackError, match=r"4\.5 stars.*1, 2, 3, 4, 5"):
            writer.rate(rating("event-01", stars=4.5), movie("50"))
        assert writer.close_folder() is None


def test_folders_are_closed_by_size(tmp_path: Path) -> None:
    with FeedbackWriter(tmp_path, STARS, folder_ratings=3) as writer:
        for number in range(7):
            writer.rate(rating(f"event-{number:02}", movie_id=str(number)), movie(str(number)))
    assert [len(rows(each)) for each in sorted(tmp_path.glob("feedback-*"))] == [3, 3]


def test_a_folder_is_closed_a_day_after_its_first_rating_arrived_whatever_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = time.time()
    closed = []
    with FeedbackWriter(tmp_path, STARS) as writer:
        # The folder after a closed one begins anew.
        for number, hours in enumerate((0, 23, 24, 25, 48, 49)):
            monkeypatch.setattr("serving.feedback.writer.time.time", lambda hours=hours: start + hours * 3600)
            writer.rate(rating(f"event-{number:02}", movie_id=str(number)), movie(str(number)))
            closed.append(len(list(tmp_path.glob("feedback-*"))))
    assert closed == [0, 0, 1, 1, 1, 2]


def test_a_folder_that_a_killed_process_began_is_completed(tmp_path: Path) -> None:
    with FeedbackWriter(tmp_path, STARS) as writer:
        writer.rate(rating("event-01"), movie("50"))
        journal = Journal(tmp_path)
        begun = journal.begin_folder()
        assert begun is not None
        (tmp_path / f".staged-{begun:06d}").mkdir()
        writer.rate(rating("event-02", movie_id="51"), movie("51"))
        second = writer.close_folder()
        assert second is not None
        # Killed between the new name and the mark in the journal.
        writer.rate(rating("event-03", movie_id="52"), movie("52"))
        begun_again = journal.begin_folder()
        assert begun_again is not None
        write_folder(tmp_path, begun_again, journal)
        assert writer.close_folder() is None
        journal.close()
    found = [rows(folder_of(tmp_path, number))[0]["movieId"] for number in (begun, begun + 1, begun_again)]
    assert found == ["50", "51", "52"]
    assert list(tmp_path.glob(".staged-*")) == []


@pytest.mark.slow
def test_killed_writers_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Two processes write at once, also into folders that both close, and are killed while they do."""
    acknowledged: dict[str, list[str]] = {"101": [], "102": []}

    def rate_until_killed(user: str) -> None:
        command = [sys.executable, "-c", RATE_ON, str(tmp_path), user]
        with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                acknowledged[user].append(line.strip())
                if len(acknowledged[user]) == 60:
                    os.kill(process.pid, signal.SIGKILL)

    threads = [threading.Thread(target=rate_until_killed, args=(user,)) for user in acknowledged]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with FeedbackWriter(tmp_path, STARS) as writer:
        writer.close_folder()
    written = [
        (row["userId"], row["movieId"]) for folder in tmp_path.glob("feedback-*") for row in rows(folder)
    ]
    assert len(written) == len(set(written))
    wanted = {(user, movie_id) for user, movies in acknowledged.items() for movie_id in movies}
    assert len(wanted) >= 120
    assert wanted <= set(written)
    assert all(movielens(["check", str(folder)]) == 0 for folder in tmp_path.glob("feedback-*"))
