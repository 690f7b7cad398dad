"""Lists and the map of movies as parts of the page, with hostile titles and users."""

import html
import re

import numpy as np
import pytest

from reports.models.embedding import MovieEmbeddings, embedding_part
from reports.models.lists import spread_part
from reports.models.sample_users import sample_users_part
from reports.page import Head, render_page
from reports.reading.eval_users import EvalUser
from reports.reading.evaluated_model import Recommended
from reports.reading.movies import ReportedMovie
from reports.section import Part, Section

HOSTILE = "<script>alert(1)</script>"
MOVIES = {
    b"1": ReportedMovie(f"{HOSTILE} (1995)", ("Drama",)),
    b"2": ReportedMovie("Second (1996)", ("Comedy", "Drama")),
    b"3": ReportedMovie("Third (1997)", ("<b>Odd</b>",)),
}
RATINGS = {b"1": 30, b"2": 20, b"3": 1}


def page_of(part: Part) -> str:
    return render_page(Head("Report", "", False, ""), [Section("models", "Models", "", (part,))])


def test_spread_compares_model_reference_and_what_was_rated() -> None:
    users = [EvalUser(b"7", {b"3": 4.0}), EvalUser(b"8", {b"1": 4.0, b"2": 2.0})]
    lists = {"retrieval": [[b"2", b"3"], [b"3", b"2"]], "popularity": [[b"1", b"2"], [b"1", b"2"]]}

    part, metrics = spread_part("retrieval", users, lists, RATINGS)

    assert metrics["retrieval"]["coverage"] == pytest.approx(2 / 3)
    assert metrics["what_users_rated"]["coverage"] == 1
    # The head of three movies is the one with most ratings.
    assert [row[4] for row in part.tables[0].rows] == [0, 1 / 2, 1 / 3]
    assert part.answer == "2 of 3 movies (66.7%) are recommended to somebody; by popularity 2."
    assert "2 users of the eval split, against" in part.text[0]


def test_map_of_the_movies_escapes_titles_and_genres() -> None:
    found = MovieEmbeddings(list(RATINGS), np.eye(3, 4, dtype=np.float32), np.array(list(RATINGS.values())))

    part = embedding_part("retrieval", found, MOVIES)

    [chart] = part.charts
    assert (
        chart.answer == "3 of 3 movies; the plane keeps 100% of what their embeddings of width 4 differ by."
    )
    page = page_of(part)
    assert HOSTILE not in page
    # Names on the map are cut, and whole where a mouse is over them.
    assert f"<title>{html.escape(HOSTILE, quote=False)} (1995): Drama; 30 ratings</title>" in page
    assert chart.filters == ("Drama", "Comedy", "<b>Odd</b>")
    # A movie is shown for each of its genres.
    assert sorted(re.findall(r'data-class="([\d ]+)"', chart.svg)) == ["0", "1 0", "2"]
    assert "<b>Odd</b>" not in page
    assert chart.data is not None
    # A movie counts for the first of its genres that is among the most frequent ones.
    assert [row[:2] for row in chart.data.rows] == [("Drama", 1), ("Comedy", 1), ("<b>Odd</b>", 1)]


@pytest.mark.slow  # Reading an Example takes TensorFlow.
def test_sample_users_show_scores_hits_and_the_nearest_watched_movie() -> None:
    import tensorflow as tf

    row = tf.train.Example()
    for name, values in (
        ("movie_id", [b"1"]),
        ("history_movie_ids", [b"2", b"99"]),
        ("user_occupation_text", [b"<i>artist</i>"]),
    ):
        row.features.feature[name].bytes_list.value.extend(values)
    row.features.feature["user_rating"].float_list.value.append(4.0)
    row.features.feature["history_ratings"].float_list.value.extend([5.0, 1.0])
    user = EvalUser(b"<u>7</u>", {b"1": 4.0}, (9, b"1"), row.SerializeToString())
    other = EvalUser(b"8", {b"3": 2.0}, (9, b"3"), row.SerializeToString())

    lists = [[b"3", b"2", b""], [b"2", b"3"]]
    scored = {user.serialized: [Recommended(b"3", 1.5, 4.25), Recommended(b"1", 0.5, None)]}
    found = MovieEmbeddings(list(RATINGS), np.eye(3, 2, dtype=np.float32) + 0.5, np.array([30, 20, 1]))

    part = sample_users_part(
        "recommender",
        [user, other],
        lists,
        MOVIES,
        found,
        lambda serialized: [scored[one] for one in serialized],
        2,
    )

    # The one with a hit comes first, whatever the checksums.
    assert part.answer == "1 of 2 users rated one of their first 10 movies in the eval split."
    first, second = part.tables
    assert first.caption.startswith("User 8 (<i>artist</i>). Rated in the eval split: Third (1997) (2).")
    assert second.caption == (
        f"User <u>7</u> (<i>artist</i>). Rated in the eval split: {HOSTILE} (1995) (4). Rated before, the "
        "latest first: 99 (1), Second (1996) (5)."
    )
    assert second.rows[0][:6] == (1, "Third (1997)", "<b>Odd</b>", 1.5, 4.25, "")
    assert second.rows[1][:6] == (2, f"{HOSTILE} (1995)", "Drama", 0.5, None, "rated 4")
    # Of the history, the catalogue has one movie.
    assert second.rows[0][6] == "Second (1996) (5)"
    assert second.rows[0][7] == pytest.approx((0.5 * 0.5 + 0.5 * 1.5) / (0.5**2 + 0.5**2) ** 0.5 / 2.5**0.5)
    page = page_of(part)
    assert HOSTILE not in page
    for raw in ("<u>7</u>", "<i>artist</i>", "<b>Odd</b>"):
        assert raw not in page
        assert html.escape(raw) in page
