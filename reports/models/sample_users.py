"""The lists of some users: what they are recommended, with scores, and what of it they had watched alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from reports.charts import plots
from reports.models.embedding import MovieEmbeddings
from reports.models.lists import LENGTH
from reports.reading.eval_users import EvalRow, EvalUser, read_row
from reports.reading.evaluated_model import Recommended
from reports.reading.movies import ReportedMovie
from reports.section import Cell, Column, Part, Table

_SHOWN: Final = 8
# Of those, so many have a hit, where there are as many.
_WITH_HITS: Final = 5
_HISTORY: Final = 5

ScoredLists = Callable[[Sequence[bytes]], list[list[Recommended]]]


def sample_users_part(
    model: str,
    users: Sequence[EvalUser],
    lists: Sequence[Sequence[bytes]],
    movies: Mapping[bytes, ReportedMovie],
    embeddings: MovieEmbeddings,
    scored: ScoredLists,
    total: int | None,
) -> Part:
    """Some users with what they watched and what they are recommended.

    Args:
      model: its name.
      users: in the order of their checksums.
      lists: one a user, as the Evaluator measured them.
      movies: the catalogue, by id.
      embeddings: of the movies.
      scored: the lists for the users of Examples, with scores.
      total: of users in the eval split, None if it is more than were looked at.
    """
    found = [
        user for user, ranked in zip(users, lists, strict=True) if set(ranked[:LENGTH]) & set(user.held_out)
    ]
    shown = [*found[:_WITH_HITS], *(user for user in users if user not in found[:_WITH_HITS])][:_SHOWN]
    rows = [read_row(user.serialized) for user in shown]
    given = scored([user.serialized for user in shown])
    among = "the users of the eval split" if total is None else f"the {total:,} users of the eval split"
    return Part(
        f"{model}-users",
        f"{model.capitalize()}: sample users",
        answer=f"{len(found):,} of {len(users):,} users rated one of their first {LENGTH} movies in the eval "
        "split.",
        text=(
            f"{len(shown)} users: up to {_WITH_HITS} with such a hit and others, of {among} those with the "
            "lowest checksums of their ids, so they are the same in every run on the same data. The lists "
            "are those that the Evaluator measured, so movies of the training are left out and those of the "
            "eval split are not. The nearest watched movie is that of the user's history with the nearest "
            "embedding (cosine): it shows what a movie is like, not how the model decided.",
        ),
        tables=tuple(
            _user_table(model, number, user, row, ranked, movies, embeddings)
            for number, (user, row, ranked) in enumerate(zip(shown, rows, given, strict=True), 1)
        ),
    )


def _user_table(
    model: str,
    number: int,
    user: EvalUser,
    row: EvalRow,
    ranked: Sequence[Recommended],
    movies: Mapping[bytes, ReportedMovie],
    embeddings: MovieEmbeddings,
) -> Table:
    stars = dict(row.history)
    rows: list[tuple[Cell, ...]] = []
    for place, found in enumerate(ranked[:LENGTH], 1):
        movie = found.movie_id
        near = embeddings.nearest(movie, list(stars))
        rows.append(
            (
                place,
                _title(movie, movies),
                ", ".join(movies[movie].genres) if movie in movies else "",
                found.score,
                found.stars,
                f"rated {user.held_out[movie]:g}" if movie in user.held_out else "",
                f"{_title(near[0], movies)} ({stars[near[0]]:g})" if near else "",
                near[1] if near else None,
            )
        )
    name = plots.shortened(user.user_id.decode("utf-8", errors="replace"))
    profile = f" ({', '.join(row.profile)})" if row.profile else ""
    held_out = _rated(sorted(user.held_out.items()), movies)
    return Table(
        f"{model}-user-{number}",
        f"User {name}{profile}. Rated in the eval split: {held_out}. Rated before, the latest first: "
        f"{_rated(row.history[::-1], movies) or 'nothing'}.",
        (
            Column("place"),
            Column("recommended"),
            Column("genres"),
            Column("score", ".3f", "What the list is ordered by"),
            Column("stars", ".2f", "The predicted rating"),
            Column("in the eval split"),
            Column("nearest watched (stars)"),
            Column("cosine", ".2f", "Of the embeddings of both"),
        ),
        tuple(rows),
        empty="The model recommends nothing.",
    )


def _rated(found: Sequence[tuple[bytes, float]], movies: Mapping[bytes, ReportedMovie]) -> str:
    named = ", ".join(f"{_title(movie, movies)} ({rating:g})" for movie, rating in found[:_HISTORY])
    more = len(found) - _HISTORY
    return f"{named} and {more} more" if more > 0 else named


def _title(movie: bytes, movies: Mapping[bytes, ReportedMovie]) -> str:
    known = movies.get(movie)
    return known.title if known else movie.decode("utf-8", errors="replace")
