"""From where people rate: ratings and mean stars by US state."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reports.charts import grids
from reports.eda import us_states
from reports.eda.counts import EdaCounts
from reports.eda.people import UNKNOWN, people_with
from reports.eda.text import MEAN, RATINGS, SHARE, listed, percent, table
from reports.section import Chart, Column

# A mean of fewer ratings changes with every one of them.
_FEWEST: Final = 100


@dataclass(frozen=True)
class StateCounts:
    """Ratings with a zip code that is in use in the United States, by state.

    Attributes:
      ratings: how many.
      stars: their sum.
      codes: the different zip codes.
      occupations: ratings by occupation.
      elsewhere: ratings without such a code.
    """

    ratings: Counter[str]
    stars: Mapping[str, float]
    codes: dict[str, set[str]]
    occupations: dict[str, Counter[str]]
    elsewhere: int

    @property
    def ranked(self) -> list[str]:
        """The states, those with most ratings first."""
        return [state for state, _ in self.ratings.most_common()]

    @property
    def means(self) -> dict[str, float]:
        """Mean stars of the states that have enough ratings."""
        return {state: self.stars[state] / count for state, count in self.ratings.items() if count >= _FEWEST}


def count_states(counts: EdaCounts) -> StateCounts:
    """Adds the ratings of each zip code to its state."""
    ratings: Counter[str] = Counter()
    stars: defaultdict[str, float] = defaultdict(float)
    codes: defaultdict[str, set[str]] = defaultdict(set)
    occupations: defaultdict[str, Counter[str]] = defaultdict(Counter)
    elsewhere = 0
    for (code, work), count in counts.zips.items():
        state = us_states.state_of(code[:3])
        if state is None:
            elsewhere += count
            continue
        ratings[state] += count
        occupations[state][work or UNKNOWN] += count
        if code not in codes[state]:
            codes[state].add(code)
            stars[state] += counts.zip_stars[code]
    return StateCounts(ratings, stars, codes, occupations, elsewhere)


def states(counts: EdaCounts, note: str) -> Chart | None:
    """From which states do ratings come, and who drives the first one?"""
    found = count_states(counts)
    if not found.ratings:
        return None
    ranked = found.ranked
    shares = {state: percent(found.ratings[state] / counts.total) for state in ranked}
    answer = f"{_leaders(ranked[:3], shares)} lead"
    work, most = found.occupations[ranked[0]].most_common(1)[0]
    if work != UNKNOWN:
        share = most / found.ratings[ranked[0]]
        answer += f"; in {us_states.NAMES[ranked[0]]} {people_with(work).lower()} come first ({share:.0%})"
    by_codes = sorted(ranked, key=lambda state: -len(found.codes[state]))[:2]
    spread = _leaders(by_codes, {state: f"{len(found.codes[state]):,}" for state in by_codes})
    answer += f". Most different zip codes: {spread}."
    return Chart(
        "states",
        "From which US states do the ratings come?",
        answer,
        grids.tile_map("states", us_states.TILES, found.ratings, unit="ratings"),
        f"Map of the United States with one tile a state, coloured by ratings. {answer}",
        note=f"{note} State from the first three digits of the zip code; {found.elsewhere:,} ratings lack a "
        "code that is in use in the United States.",
        wide=True,
        data=table(
            "states",
            "Ratings by state or territory.",
            (Column("state"), RATINGS, SHARE, MEAN, Column("zip codes"), Column("first occupation")),
            [
                (
                    us_states.NAMES[state],
                    found.ratings[state],
                    found.ratings[state] / counts.total,
                    found.stars[state] / found.ratings[state],
                    len(found.codes[state]),
                    found.occupations[state].most_common(1)[0][0],
                )
                for state in ranked
            ],
        ),
    )


def stars_by_state(counts: EdaCounts, note: str) -> Chart | None:
    """In which states are the most stars given? None where no state has enough ratings."""
    means = count_states(counts).means
    if not means:
        return None
    best, least = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
    answer = (
        f"{us_states.NAMES[best]} gives most, {means[best]:.2f} stars on average, and "
        f"{us_states.NAMES[least]} fewest, {means[least]:.2f}."
    )
    return Chart(
        "stars-by-state",
        "How many stars do the states give?",
        answer,
        grids.tile_map(
            "stars-by-state",
            us_states.TILES,
            means,
            unit="mean stars",
            equal_steps=True,
            number=lambda value: f"{value:.2f}",
        ),
        f"Map of the United States with one tile a state, coloured by mean stars. {answer}",
        note=f"{note} States with at least {_FEWEST} ratings; the table of the map of ratings has all.",
        wide=True,
    )


def _leaders(states: list[str], lines: dict[str, str]) -> str:
    return listed([f"{us_states.NAMES[state]} ({lines[state]})" for state in states])
