"""The writer of feedback: nothing acknowledged is lost or there twice, closed folders are data sets."""

import csv
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from movielens.__main__ import main as movielens
from serving.__main__ import main as serving
from serving.feedback import FeedbackError, FeedbackWriter, ImpressionEvent, RatedMovie, RatingEvent
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


def rating(event: str, user: str = "7", movie_id: str = "50", stars: float = 4.0) -> RatingEvent:
    return RatingEvent(event_id=event, user_id=user, movie_id=movie_id, stars=stars, timestamp=1_000_000)


def rows(folder: Path, file: str = "ratings.csv") -> list[dict[str, str]]:
    with (folder / file).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_closed_folder_is_a_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FeedbackWriter(tmp_path, STARS, folder_seconds=10**10) as writer:
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
    with FeedbackWriter(tmp_path, STARS, folder_seconds=10**10) as writer:
        assert writer.rate(rating("event-01"), movie("50"))
        assert not writer.rate(rating("event-01", stars=1.0), movie("50"))
        folder = writer.close_folder()
        assert folder is not None
        assert not writer.rate(rating("event-01"), movie("50"))
        assert writer.close_folder() is None
    assert [float(row["rating"]) for row in rows(folder)] == [4.0]


@pytest.mark.parametrize(
    "wrong",
    [{"stars": -1}, {"user_id": "me"}, {"movie_id": "5;0"}, {"event_id": "x"}, {"comment": "a column"}],
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


def test_folders_are_closed_by_size_and_by_age(tmp_path: Path) -> None:
    with FeedbackWriter(tmp_path / "size", STARS, folder_ratings=3, folder_seconds=10**10) as writer:
        for number in range(7):
            writer.rate(rating(f"event-{number:02}", movie_id=str(number)), movie(str(number)))
    assert [len(rows(each)) for each in sorted((tmp_path / "size").glob("feedback-*"))] == [3, 3]
    with FeedbackWriter(tmp_path / "age", STARS) as writer:
        # Its timestamp is long ago.
        writer.rate(rating("event-01"), movie("50"))
    assert len(list((tmp_path / "age").glob("feedback-*"))) == 1


def test_a_folder_that_a_killed_process_began_is_completed(tmp_path: Path) -> None:
    with FeedbackWriter(tmp_path, STARS, folder_seconds=10**10) as writer:
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
