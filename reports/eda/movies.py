"""What is rated: the most rated, the most and the least liked movies, genres, and the long tail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from contracts import features
from reports.charts import palette, plots
from reports.eda.counts import EdaCounts, Tally
from reports.eda.text import MEAN, RATINGS, SHARE, listed, percent, table
from reports.section import Chart, Column

_SHOWN: Final = 15
# A movie has to have as many ratings as three quarters of the movies have at most, and not fewer than these.
_QUANTILE: Final = 0.75
_FEWEST: Final = 10


@dataclass(frozen=True)
class Ranking:
    """Movies by how much they are liked.

    Attributes:
      keys: their ids.
      counts: [movies] ratings of each.
      means: [movies] mean rating of each.
      damped: [movies] mean of its ratings and `least` more that are the mean of all ratings.
      least: ratings that a movie needs to be ranked.
      ranked: positions of those that have them, the best damped mean first.
    """

    keys: list[str]
    counts: npt.NDArray[np.int64]
    means: npt.NDArray[np.float64]
    damped: npt.NDArray[np.float64]
    least: int
    ranked: list[int]


def rank(movies: Tally) -> Ranking:
    """Ranks movies by their Bayesian mean, with the least count of `Ranking`."""
    counts, means = movies.counts, movies.means()
    least = max(_FEWEST, int(np.quantile(counts, _QUANTILE)))
    overall = float(movies.sums.sum() / counts.sum())
    damped = (movies.sums + least * overall) / (counts + least)
    enough = np.flatnonzero(counts >= least)
    order = np.lexsort((-counts[enough], -damped[enough]))
    return Ranking(list(movies.keys), counts, means, damped, least, enough[order].tolist())


def most_rated(counts: EdaCounts, note: str) -> Chart:
    """Which movies are rated most?"""
    movies = counts.movies
    keys = list(movies.keys)
    order = np.argsort(-movies.counts, kind="stable")[:_SHOWN].tolist()
    means = movies.means()
    titles = [counts.titles[keys[place]] for place in order]
    first = order[0]
    answer = (
        f"{titles[0]} has the most ratings: {movies.counts[first]:,}, from "
        f"{percent(movies.counts[first] / len(counts.users.keys))} of the users."
    )
    return Chart(
        "most-rated",
        "Which movies are rated most?",
        answer,
        plots.bars("most-rated", titles, [int(movies.counts[place]) for place in order], unit="ratings"),
        f"Bar chart of the {len(order)} movies with the most ratings. {answer}",
        note=note,
        data=table(
            "most-rated",
            "The most rated movies.",
            (Column("movie"), Column("id"), RATINGS, MEAN),
            [
                (title, keys[place], int(movies.counts[place]), float(means[place]))
                for title, place in zip(titles, order, strict=True)
            ],
        ),
    )


def most_liked(counts: EdaCounts, note: str) -> Chart | None:
    """Which movies are liked most? None where no movie has enough ratings."""
    ranking = rank(counts.movies)
    answer = "{title} is liked most: a damped mean of {damped:.2f}, {mean:.2f} stars from {count:,} ratings."
    return _liked("most-liked", "Which movies are liked most?", answer, counts, ranking, note, ranking.ranked)


def worst(counts: EdaCounts, note: str) -> Chart | None:
    """Which movies are liked least? None where no movie has enough ratings."""
    ranking = rank(counts.movies)
    answer = "{title} is liked least: a damped mean of {damped:.2f}, {mean:.2f} stars from {count:,} ratings."
    worst_first = ranking.ranked[::-1]
    return _liked("worst", "Which movies are liked least?", answer, counts, ranking, note, worst_first)


def _liked(
    chart_id: str,
    question: str,
    answer: str,
    counts: EdaCounts,
    ranking: Ranking,
    note: str,
    order: list[int],
) -> Chart | None:
    shown = order[:_SHOWN]
    if not shown:
        return None
    titles = [counts.titles[ranking.keys[place]] for place in shown]
    first = shown[0]
    summary = answer.format(
        title=titles[0],
        mean=ranking.means[first],
        count=ranking.counts[first],
        damped=ranking.damped[first],
    )
    return Chart(
        chart_id,
        question,
        summary,
        plots.dots(
            chart_id,
            titles,
            {
                "damped mean": ranking.damped[shown].tolist(),
                "mean": ranking.means[shown].tolist(),
            },
            unit="stars",
        ),
        f"Dot chart of the mean and the damped mean of {len(shown)} movies. {summary}",
        note=f"{note} Movies with at least {ranking.least:,} ratings ({len(ranking.ranked):,} of "
        f"{len(ranking.keys):,}). The damped (Bayesian) mean adds {ranking.least:,} ratings at the mean of "
        "all ratings and decides the order.",
        data=table(
            chart_id,
            f"Movies with at least {ranking.least:,} ratings, by damped mean.",
            (Column("movie"), Column("id"), Column("damped mean", ".2f"), RATINGS, MEAN),
            [
                (
                    title,
                    ranking.keys[place],
                    float(ranking.damped[place]),
                    int(ranking.counts[place]),
                    float(ranking.means[place]),
                )
                for title, place in zip(titles, shown, strict=True)
            ],
        ),
    )


def genres(counts: EdaCounts, note: str) -> Chart | None:
    """Which genres are rated most? None where no movie has a genre."""
    if not counts.genres.keys:
        return None
    keys, means = list(counts.genres.keys), counts.genres.means()
    order = np.argsort(-counts.genres.counts, kind="stable").tolist()
    given = [int(counts.genres.counts[place]) for place in order]
    popular = [place for place in order if counts.genres.counts[place] >= 0.01 * counts.total]
    best = max(popular or order, key=lambda place: float(means[place]))
    answer = (
        f"{listed([keys[place] for place in order[:3]])} are rated most; {keys[best]} is rated highest "
        f"({means[best]:.2f} stars)."
    )
    return Chart(
        "genres",
        "Which genres are popular?",
        answer,
        plots.bars(
            "genres",
            [keys[place] for place in order],
            given,
            unit="ratings",
            texts=[f"{count:,} ({means[place]:.2f})" for count, place in zip(given, order, strict=True)],
            color=palette.GREEN,
        ),
        f"Bar chart of ratings by genre, with the mean rating. {answer}",
        note=f"{note} A rating counts for each genre of its movie, so shares add up to more than 100%; the "
        "mean rating is in brackets. Rated highest: among genres with 1% of the ratings.",
        data=table(
            "genres",
            f"Ratings by genre: the {len(keys)} genres that the data has.",
            (Column("genre"), RATINGS, SHARE, MEAN),
            [
                (keys[place], count, count / counts.total, float(means[place]))
                for count, place in zip(given, order, strict=True)
            ],
        ),
    )


def genre_classes(counts: EdaCounts, note: str) -> Chart | None:
    """The same in the classes of TFDS, in which the study counts."""
    if not counts.genres.keys:
        return None
    found = {
        name: int(counts.genres.counts[counts.genres.keys[name]]) if name in counts.genres.keys else 0
        for name in features.GENRES
    }
    empty = [name for name, count in found.items() if not count]
    beside = [name for name in counts.genres.keys if name not in found]
    answer = f"{len(found) - len(empty)} of the {len(found)} classes have ratings"
    answer += f"; without any: {listed(empty)}." if empty else "."
    return Chart(
        "genre-classes",
        "And in the study's classes?",
        answer,
        plots.bars("genre-classes", list(found), list(found.values()), unit="ratings", color=palette.GREEN),
        f"Bar chart of ratings by class of TFDS, in their order. {answer}",
        note=f"{note} The study counts in the {len(found)} classes of TFDS, those of all MovieLens "
        "versions together: ML-100k has 19 genres, and IMAX and (no genres listed) came later. TFDS writes "
        "Children and Unknown where ML-100k has Children's and unknown. As beside this, a rating counts for "
        "each genre of its movie." + (f" Not among the classes: {listed(beside)}." if beside else ""),
        data=table(
            "genre-classes",
            "Ratings by class of TFDS.",
            (Column("class"), Column("of TFDS"), RATINGS, SHARE),
            [
                (name, number, count, count / counts.total)
                for number, (name, count) in enumerate(found.items())
            ],
        ),
    )


def long_tail(counts: EdaCounts, catalogue: int | None, note: str) -> Chart:
    """How unevenly are ratings spread over movies and users?

    Args:
      counts: of the data.
      catalogue: movies of the catalogue, rated or not; None where it is not known.
      note: data and split.
    """
    movies = _cumulated(counts.movies.counts)
    users = _cumulated(counts.users.counts)
    top = movies[1][round(0.2 * (len(movies[1]) - 1))]
    few = int(np.count_nonzero(counts.movies.counts < 5))
    answer = (
        f"The most rated fifth of the movies has {percent(top)} of the ratings; {few:,} of "
        f"{len(counts.movies.keys):,} rated movies have fewer than five."
    )
    unrated = (
        f" {catalogue - len(counts.movies.keys):,} movies of the catalogue have none." if catalogue else ""
    )
    return Chart(
        "long-tail",
        "How long is the tail?",
        answer,
        plots.lines(
            "long-tail",
            {"movies": movies, "users": users},
            unit="share of ratings",
            axis="share of movies or users, the most active first",
        ),
        f"Line chart of the share of all ratings that the most rated movies and the most active users have. "
        f"{answer}",
        note=f"{note}{unrated}",
        data=table(
            "long-tail",
            "Share of the ratings, by share of movies and users.",
            (Column("first", ".0%"), Column("movies' share", ".1%"), Column("users' share", ".1%")),
            [
                (
                    tenth / 10,
                    movies[1][round(tenth / 10 * (len(movies[1]) - 1))],
                    users[1][round(tenth / 10 * (len(users[1]) - 1))],
                )
                for tenth in range(1, 11)
            ],
        ),
    )


def _cumulated(counts: npt.NDArray[np.int64]) -> tuple[list[float], list[float]]:
    """At most 201 points of the curve from (0, 0) to (1, 1)."""
    ranked = np.concatenate([[0], np.cumsum(np.sort(counts)[::-1])]) / counts.sum()
    places = np.unique(np.linspace(0, len(counts), 201).round().astype(np.int64))
    return (places / len(counts)).tolist(), ranked[places].tolist()
