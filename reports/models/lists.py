"""How the lists of a model spread over the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from reports.charts import plots
from reports.models.list_spread import HEAD_SHARE, ListSpread, spread_of
from reports.reading.eval_users import EvalUser
from reports.section import Chart, Column, Part, Table

# Users whose lists are looked at, so that memory and seconds do not grow with the data. Coverage is that of
# their lists together.
MOST_USERS: Final = 2_000
LENGTH: Final = 10
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
        name: spread_of([ranked[:LENGTH] for ranked in found], train_ratings) for name, found in lists.items()
    }
    spreads["what users rated"] = spread_of([list(user.held_out) for user in users], train_ratings)
    own, beside = spreads[model], spreads[_REFERENCE]
    sampled = " (a sample)" if len(users) == MOST_USERS else ""
    measured_on = f"the first {LENGTH} movies of the lists of {len(users):,} users of the eval split{sampled}"
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
    draw = partial(
        plots.bars,
        labels=list(shares),
        values=[100 * share for share in shares.values()],
        unit="% of the slots",
        texts=[f"{share:.0%}" for share in shares.values()],
    )
    return Chart(
        chart_id,
        "How much of what is recommended is popular anyway?",
        f"Share of movies from the most rated {HEAD_SHARE:.0%}: {summary}.",
        draw(chart_id),
        f"Bar chart of the share of popular movies: {summary}.",
        note=f"{measured_on}; ratings of the train split decide what is popular.",
        broad=draw(f"{chart_id}-broad", width=plots.BROAD),
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
