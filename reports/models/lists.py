"""What a model recommends: how lists spread over the catalogue, and the lists of some users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from reports.charts import plots
from reports.models.list_spread import HEAD_SHARE, ListSpread, spread_of
from reports.reading.eval_users import EvalUser, read_row
from reports.reading.movies import ReportedMovie
from reports.section import Cell, Chart, Column, Part, Table

# Users whose lists are looked at, so that memory and seconds do not grow with the data. Coverage is that of
# their lists together.
MOST_USERS: Final = 2_000
SHOWN_USERS: Final = 10
_LENGTH: Final = 10
_HISTORY: Final = 5
_REFERENCE: Final = "popularity"


def spread_part(
    model: str,
    users: Sequence[EvalUser],
    lists: Mapping[str, Sequence[Sequence[bytes]]],
    train_ratings: Mapping[bytes, int],
) -> tuple[Part, dict[str, Any]]:
    """Coverage and popularity bias of the first ten movies of each list, and the same for programs.

    Args:
      model: its name.
      users: whose lists these are.
      lists: one list a user, by who made them: the model and its reference.
      train_ratings: ratings in training of each movie of the catalogue.
    """
    spreads = {
        name: spread_of([ranked[:_LENGTH] for ranked in found], train_ratings)
        for name, found in lists.items()
    }
    spreads["what users rated"] = spread_of([list(user.held_out) for user in users], train_ratings)
    own, beside = spreads[model], spreads[_REFERENCE]
    sampled = " (a sample)" if len(users) == MOST_USERS else ""
    measured_on = (
        f"the first {_LENGTH} movies of the lists of {len(users):,} users of the eval split{sampled}"
    )
    answer = (
        f"{own.distinct:,} of {len(train_ratings):,} movies ({own.coverage:.1%}) are recommended to "
        f"somebody; by {_REFERENCE} {beside.distinct:,}."
    )
    part = Part(
        f"{model}-spread",
        f"{model.capitalize()}: coverage and popularity bias",
        answer=answer,
        text=(
            f"Measured on {measured_on}, against the whole catalogue. The head is the most rated "
            f"{HEAD_SHARE:.0%} of it. Beside them, what the same users rated in the eval split: a model "
            "without bias would come close to that.",
        ),
        charts=(_bias_chart(model, spreads, measured_on),),
        tables=(_spread_table(model, spreads, measured_on),),
    )
    return part, {name.replace(" ", "_"): asdict(spread) for name, spread in spreads.items()}


def _bias_chart(model: str, spreads: Mapping[str, ListSpread], measured_on: str) -> Chart:
    chart_id = f"{model}-head-share"
    shares = {name: spread.head_share for name, spread in spreads.items()}
    summary = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return Chart(
        chart_id,
        "How much of what is recommended is popular anyway?",
        f"Share of movies from the most rated {HEAD_SHARE:.0%}: {summary}.",
        plots.bars(
            chart_id,
            list(shares),
            [100 * share for share in shares.values()],
            unit="% of the slots",
            texts=[f"{share:.0%}" for share in shares.values()],
        ),
        f"Bar chart of the share of popular movies: {summary}.",
        note=f"{measured_on}; ratings of the train split decide what is popular.",
    )


def _spread_table(model: str, spreads: Mapping[str, ListSpread], measured_on: str) -> Table:
    return Table(
        f"{model}-spread-table",
        f"Coverage and popularity bias of {measured_on}, and of what they rated.",
        (
            Column("lists of"),
            Column("different movies"),
            Column("coverage", ".1%", note="Share of the catalogue that is in at least one list"),
            Column("Gini", ".3f", note="0: all movies equally often; near 1: few movies fill all lists"),
            Column("from the head", ".1%", note=f"Slots with one of the most rated {HEAD_SHARE:.0%}"),
            Column("mean ratings", ",.1f", note="Training ratings of a recommended movie"),
        ),
        tuple(
            (name, found.distinct, found.coverage, found.gini, found.head_share, found.mean_ratings)
            for name, found in spreads.items()
        ),
    )


def sample_users_part(
    model: str,
    users: Sequence[EvalUser],
    lists: Sequence[Sequence[bytes]],
    movies: Mapping[bytes, ReportedMovie],
    total: int | None,
) -> Part:
    """Some users with what they watched and what they are recommended.

    Args:
      model: its name.
      users: in the order of their checksums; the first ones are shown.
      lists: one a user.
      movies: the catalogue, by id.
      total: of users in the eval split, None if it is more than were looked at.
    """
    shown = [
        _user_table(model, number, user, ranked, movies)
        for number, (user, ranked) in enumerate(zip(users[:SHOWN_USERS], lists, strict=False), 1)
    ]
    among = "the users of the eval split" if total is None else f"the {total:,} users of the eval split"
    hits = sum(
        bool(set(ranked[:_LENGTH]) & set(user.held_out)) for user, ranked in zip(users, lists, strict=True)
    )
    return Part(
        f"{model}-users",
        f"{model.capitalize()}: sample users",
        answer=f"{hits:,} of {len(users):,} users rated one of their first {_LENGTH} movies in the eval "
        "split.",
        text=(
            f"{len(shown)} users, chosen among {among} by the checksum of their ids, so they are the same in "
            "every run on the same data. Lists are from the signature that the Evaluator called: movies of "
            "the training are left out, those of the eval split are not.",
        ),
        tables=tuple(shown),
    )


def _user_table(
    model: str, number: int, user: EvalUser, ranked: Sequence[bytes], movies: Mapping[bytes, ReportedMovie]
) -> Table:
    row = read_row(user.serialized)
    recent = row.history[::-1]
    rows: list[tuple[Cell, ...]] = []
    for place in range(_LENGTH):
        movie = ranked[place] if place < len(ranked) else b""
        watched = recent[place] if place < len(recent) else None
        rows.append(
            (
                place + 1,
                _title(movie, movies) if movie else "",
                ", ".join(movies[movie].genres) if movie in movies else "",
                f"rated {user.held_out[movie]:g}" if movie in user.held_out else "",
                f"{_title(watched[0], movies)}: {watched[1]:g}" if watched else "",
            )
        )
    name = plots.shortened(user.user_id.decode("utf-8", errors="replace"))
    profile = f" ({', '.join(row.profile)})" if row.profile else ""
    held_out = ", ".join(
        f"{_title(movie, movies)} ({rating:g})" for movie, rating in sorted(user.held_out.items())[:_HISTORY]
    )
    more = len(user.held_out) - _HISTORY
    return Table(
        f"{model}-user-{number}",
        f"User {name}{profile}. Rated in the eval split: {held_out}"
        + (f" and {more} more." if more > 0 else "."),
        (
            Column("place"),
            Column("recommended"),
            Column("genres"),
            Column("in the eval split"),
            Column("rated before, the latest first"),
        ),
        tuple(rows),
    )


def _title(movie: bytes, movies: Mapping[bytes, ReportedMovie]) -> str:
    known = movies.get(movie)
    return known.title if known else movie.decode("utf-8", errors="replace")
