"""Who rates: gender, age and occupation. Each chart is None where the data lacks the feature."""

from __future__ import annotations

from collections import Counter
from typing import Final

from contracts import features
from reports.charts import grids, palette, plots
from reports.eda.counts import EdaCounts
from reports.eda.text import RATINGS, SHARE, age_group, percent, table
from reports.eda.value_counts import ValueCounts
from reports.section import Chart, Column

_PLURALS: Final = {"Male": "Men", "Female": "Women"}
UNKNOWN: Final = "not given"


def gender(counts: EdaCounts, note: str) -> Chart | None:
    """Do men or women rate more?"""
    if not counts.has(features.USER_GENDER):
        return None
    ratings = Counter({name or UNKNOWN: found.total() for name, found in counts.ratings_by_gender.items()})
    users = Counter(name or UNKNOWN for name in counts.user_genders.values())
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
        name or UNKNOWN: found for name, found in sorted(counts.ratings_by_gender.items(), reverse=True)
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
    answer = f"{people_with(first)} give {percent(most / counts.total)} of the ratings, more than anyone."
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
        by_work[work or UNKNOWN] += count
    return by_work


def occupations_by_age(counts: EdaCounts, note: str) -> Chart | None:
    """Which occupations, at which ages, rate most?"""
    if not counts.has(features.USER_OCCUPATION_TEXT):
        return None
    by_work = _by_occupation(counts)
    names = [work for work, _ in by_work.most_common()]
    edges = sorted({age for _, age in counts.occupations if age >= 0})
    cells = [[counts.occupations[name if name != UNKNOWN else "", age] for age in edges] for name in names]
    (work, age), most = counts.occupations.most_common(1)[0]
    of_age = f" of {age_group(age)}" if age >= 0 else ""
    answer = f"{people_with(work)}{of_age} lead with {percent(most / counts.total)} of the ratings."
    return Chart(
        "occupations-by-age",
        "Which occupations rate at which ages?",
        answer,
        grids.heat_map(
            "occupations-by-age",
            [plots.shortened(name, 22) for name in names],
            [age_group(edge).replace(" or older", "+").replace("under ", "<") for edge in edges],
            cells,
            unit="ratings",
            axis="age",
        ),
        f"Heat map of ratings by occupation and age group; the table under it has the metrics. {answer}",
        note=note,
        wide=True,
        data=table(
            "occupations-by-age",
            "Ratings by occupation and age group.",
            (Column("occupation"), RATINGS, *(Column(age_group(edge)) for edge in edges)),
            [(name, by_work[name], *row) for name, row in zip(names, cells, strict=True)],
        ),
    )


def people_with(occupation: str) -> str:
    """The occupation in the plural, for those where it only adds an s."""
    if not occupation or occupation in ("none", "other"):
        return f"People with occupation '{occupation or UNKNOWN}'"
    plain = occupation.isalpha() and occupation.endswith(("t", "r", "n"))
    return f"{occupation.capitalize()}s" if plain else f"People with occupation '{occupation}'"
