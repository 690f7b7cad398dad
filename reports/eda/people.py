"""Who rates: gender, age, occupation and state. Each chart is None where the data lacks the feature."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

from contracts import features
from reports.charts import grids, palette, plots
from reports.eda import us_states
from reports.eda.counts import EdaCounts
from reports.eda.text import RATINGS, SHARE, age_group, listed, percent, table
from reports.eda.value_counts import ValueCounts
from reports.section import Chart, Column

_PLURALS: Final = {"Male": "Men", "Female": "Women"}
_UNKNOWN: Final = "not given"
_LEAST_SHARE_SHOWN: Final = 0.001


def gender(counts: EdaCounts, note: str) -> Chart | None:
    """Do men or women rate more?"""
    if not counts.has(features.USER_GENDER):
        return None
    ratings = Counter({name or _UNKNOWN: found.total() for name, found in counts.ratings_by_gender.items()})
    users = Counter(name or _UNKNOWN for name in counts.user_genders.values())
    names = [name for name, _ in ratings.most_common()]
    first, total = names[0], ratings.total()
    each = ratings[first] / users[first]
    answer = (
        f"{_PLURALS.get(first, first)} rate more: {percent(ratings[first] / total)} of the ratings, from "
        f"{percent(users[first] / users.total())} of the users ({each:,.0f} ratings each on average"
    )
    if len(names) > 1:
        second = names[1]
        answer += f"; {_PLURALS.get(second, second).lower()}: {ratings[second] / users[second]:,.0f}"
    answer += ")."
    shares = {
        "share of users": [users[name] / users.total() for name in names],
        "share of ratings": [ratings[name] / total for name in names],
    }
    return Chart(
        "gender",
        "Do men or women rate more?",
        answer,
        plots.columns("gender", names, shares, unit="share", colors=(palette.ORANGE, palette.BLUE)),
        f"Bar chart of each gender's share of users and of ratings. {answer}",
        note=note,
        data=table(
            "gender",
            "Ratings and users by gender.",
            (Column("gender"), RATINGS, SHARE, Column("users")),
            [(name, ratings[name], ratings[name] / total, users[name]) for name in names],
        ),
    )


def rating_by_gender(counts: EdaCounts, note: str) -> Chart | None:
    """How are the ratings distributed, for men and for women?"""
    if not counts.has(features.USER_GENDER):
        return None
    groups = {
        name or _UNKNOWN: found for name, found in sorted(counts.ratings_by_gender.items(), reverse=True)
    }
    stars = sorted(counts.ratings)
    shares = {name: [found[star] / found.total() for star in stars] for name, found in groups.items()}
    lines = [
        f"{_PLURALS.get(name, name)} give {max(found, key=found.__getitem__):g} stars most often "
        f"(mean {ValueCounts.of(found).mean:.2f})"
        for name, found in groups.items()
    ]
    answer = f"{'; '.join(lines)}."
    return Chart(
        "rating-by-gender",
        "How do men and women rate?",
        answer,
        plots.columns(
            "rating-by-gender", [f"{star:g}" for star in stars], shares, unit="share", axis="stars"
        ),
        f"Bar chart of the share of each rating, by gender. {answer}",
        note=note,
        data=table(
            "rating-by-gender",
            "Share of each rating, by gender.",
            (Column("stars"), *(Column(name, ".1%") for name in groups)),
            [(star, *(shares[name][place] for name in groups)) for place, star in enumerate(stars)],
        ),
    )


def ages(counts: EdaCounts, note: str) -> Chart | None:
    """Which age groups rate most?"""
    if not counts.has(features.BUCKETIZED_USER_AGE):
        return None
    edges = sorted(counts.age_groups)
    total = counts.age_groups.total()
    ranked = [age_group(edge) for edge, _ in counts.age_groups.most_common(3)]
    leading = percent(counts.age_groups.most_common(1)[0][1] / total)
    answer = f"Most ratings are from ages {', then '.join(ranked)} ({leading} from the first)."
    return Chart(
        "ages",
        "Which age groups rate most?",
        answer,
        plots.columns(
            "ages",
            [age_group(edge).replace(" or older", "+") for edge in edges],
            {"ratings": [counts.age_groups[edge] for edge in edges]},
            unit="ratings",
            axis="age",
        ),
        f"Bar chart of ratings by age group. {answer}",
        note=note,
        data=table(
            "ages",
            "Ratings by age group.",
            (Column("ages"), RATINGS, SHARE),
            [(age_group(edge), counts.age_groups[edge], counts.age_groups[edge] / total) for edge in edges],
        ),
    )


def occupations(counts: EdaCounts, note: str) -> Chart | None:
    """Which occupations rate most?"""
    if not counts.has(features.USER_OCCUPATION_TEXT):
        return None
    ranked = _by_occupation(counts).most_common()
    (first, most), shares = ranked[0], [count / counts.total for _, count in ranked]
    answer = f"{_people(first)} give {percent(most / counts.total)} of the ratings, more than anyone."
    return Chart(
        "occupations",
        "Which occupations rate most?",
        answer,
        plots.bars(
            "occupations",
            [name for name, _ in ranked],
            [count for _, count in ranked],
            unit="ratings",
            texts=[percent(share) for share in shares],
        ),
        f"Bar chart of ratings by occupation. {answer}",
        note=note,
        data=table(
            "occupations",
            "Ratings by occupation.",
            (Column("occupation"), RATINGS, SHARE),
            [(name, count, share) for (name, count), share in zip(ranked, shares, strict=True)],
        ),
    )


def _by_occupation(counts: EdaCounts) -> Counter[str]:
    by_work: Counter[str] = Counter()
    for (work, _), count in counts.occupations.items():
        by_work[work or _UNKNOWN] += count
    return by_work


def occupations_by_age(counts: EdaCounts, note: str) -> Chart | None:
    """Which occupations, at which ages, rate most?"""
    if not counts.has(features.USER_OCCUPATION_TEXT):
        return None
    by_work = _by_occupation(counts)
    names = [work for work, _ in by_work.most_common()]
    edges = sorted({age for _, age in counts.occupations if age >= 0})
    cells = [[counts.occupations[name if name != _UNKNOWN else "", age] for age in edges] for name in names]
    (work, age), most = counts.occupations.most_common(1)[0]
    of_age = f" of {age_group(age)}" if age >= 0 else ""
    answer = f"{_people(work)}{of_age} lead with {percent(most / counts.total)} of the ratings."
    return Chart(
        "occupations-by-age",
        "Which occupations rate at which ages?",
        answer,
        grids.heat_map(
            "occupations-by-age",
            [plots.shortened(name, 22) for name in names],
            [age_group(edge).replace(" or older", "+").replace("under ", "<") for edge in edges],
            cells,
            axis="age",
        ),
        f"Heat map of ratings by occupation and age group; the table under it has the metrics. {answer}",
        note=note,
        data=table(
            "occupations-by-age",
            "Ratings by occupation and age group.",
            (Column("occupation"), RATINGS, *(Column(age_group(edge)) for edge in edges)),
            [(name, by_work[name], *row) for name, row in zip(names, cells, strict=True)],
        ),
    )


def states(counts: EdaCounts, note: str) -> Chart | None:
    """From which states do ratings come, and who drives the first one?"""
    by_state: defaultdict[str, Counter[str]] = defaultdict(Counter)
    codes: defaultdict[str, set[str]] = defaultdict(set)
    elsewhere = 0
    for (code, work), count in counts.zips.items():
        state = us_states.state_of(code[:3])
        if state is None:
            elsewhere += count
        else:
            by_state[state][work or _UNKNOWN] += count
            codes[state].add(code)
    if not by_state:
        return None
    totals = Counter({state: found.total() for state, found in by_state.items()})
    ranked = [state for state, _ in totals.most_common()]
    answer = (
        f"{_leaders(ranked[:3], {state: percent(totals[state] / counts.total) for state in ranked})} lead"
    )
    work, most = by_state[ranked[0]].most_common(1)[0]
    if work != _UNKNOWN:
        share = most / totals[ranked[0]]
        answer += f"; in {us_states.NAMES[ranked[0]]} {_people(work).lower()} come first ({share:.0%})"
    by_codes = sorted(ranked, key=lambda state: -len(codes[state]))[:2]
    spread = _leaders(by_codes, {state: f"{len(codes[state]):,}" for state in by_codes})
    answer += f". Most different zip codes: {spread}."
    return Chart(
        "states",
        "From which US states do the ratings come?",
        answer,
        grids.tile_map("states", us_states.TILES, totals),
        f"Map of the United States with one tile a state, coloured by ratings. {answer}",
        note=f"{note} State from the first three digits of the zip code; {elsewhere:,} ratings lack a code "
        "that is in use in the United States.",
        wide=True,
        data=table(
            "states",
            "Ratings by state or territory.",
            (Column("state"), RATINGS, SHARE, Column("zip codes"), Column("first occupation")),
            [
                (
                    us_states.NAMES[state],
                    totals[state],
                    totals[state] / counts.total,
                    len(codes[state]),
                    by_state[state].most_common(1)[0][0],
                )
                for state in ranked
            ],
        ),
    )


def _leaders(states: list[str], lines: dict[str, str]) -> str:
    return listed([f"{us_states.NAMES[state]} ({lines[state]})" for state in states])


def _people(occupation: str) -> str:
    """The occupation in the plural, for those where it only adds an s."""
    if not occupation or occupation in ("none", "other"):
        return f"People with occupation '{occupation or _UNKNOWN}'"
    plain = occupation.isalpha() and occupation.endswith(("t", "r", "n"))
    return f"{occupation.capitalize()}s" if plain else f"People with occupation '{occupation}'"
