"""When people rate: weekday, hour, and over the years."""

from __future__ import annotations

import datetime
from typing import Final

from reports.charts import palette, plots
from reports.eda.counts import EdaCounts
from reports.eda.text import MEAN, RATINGS, SHARE, percent, table
from reports.section import Chart, Column

_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Within this share of the average, days count as alike.
_NEARLY_FLAT: Final = 0.25


def weekday(counts: EdaCounts, note: str) -> Chart:
    """On which weekday do people rate?"""
    days = counts.weekday_hours.sum(1).tolist()
    total, average = sum(days), sum(days) / 7
    ranked = sorted(range(7), key=lambda day: -days[day])
    flat = all(abs(count - average) <= _NEARLY_FLAT * average for count in days)
    answer = (
        f"{_WEEKDAYS[ranked[0]]} is ahead with {percent(days[ranked[0]] / total)}, {_WEEKDAYS[ranked[-1]]} "
        f"last with {percent(days[ranked[-1]] / total)}: {'nearly flat' if flat else 'the days differ'}."
    )
    return Chart(
        "weekday",
        "On which weekday do people rate?",
        answer,
        plots.columns("weekday", [day[:3] for day in _WEEKDAYS], {"ratings": days}, unit="ratings"),
        f"Bar chart of ratings by weekday. {answer}",
        note=f"{note} Days are in UTC.",
        data=table(
            "weekday",
            "Ratings by weekday, UTC.",
            (Column("weekday"), RATINGS, SHARE),
            [(name, count, count / total) for name, count in zip(_WEEKDAYS, days, strict=True)],
        ),
    )


def hour(counts: EdaCounts, note: str) -> Chart:
    """At which hour do people rate?"""
    hours = counts.weekday_hours.sum(0).tolist()
    total = sum(hours)
    most, least = max(range(24), key=hours.__getitem__), min(range(24), key=hours.__getitem__)
    answer = (
        f"Most ratings are given from {most}:00 to {most}:59 UTC ({percent(hours[most] / total)}), the "
        f"fewest from {least}:00 to {least}:59 ({percent(hours[least] / total)})."
    )
    return Chart(
        "hour",
        "At which hour do people rate?",
        answer,
        plots.columns(
            "hour", [str(one) for one in range(24)], {"ratings": hours}, unit="ratings", axis="hour, UTC"
        ),
        f"Bar chart of ratings by hour of the day. {answer}",
        note=f"{note} Hours are in UTC; the data does not contain a user's time zone.",
        data=table(
            "hour",
            "Ratings by hour, UTC.",
            (Column("hour"), RATINGS, SHARE),
            [(one, count, count / total) for one, count in enumerate(hours)],
        ),
    )


def months(counts: EdaCounts, note: str) -> Chart:
    """How many ratings are given over time, and do they change?"""
    first, last = min(counts.months), max(counts.months)
    span = range(first, last + 1)
    given = [int(counts.months[month][0]) if month in counts.months else 0 for month in span]
    busiest = max(span, key=lambda month: counts.months[month][0] if month in counts.months else 0)
    answer = (
        f"From {_month(first)} to {_month(last)}; the busiest month is {_month(busiest)} with "
        f"{int(counts.months[busiest][0]):,} ratings."
    )
    return Chart(
        "months",
        "How do ratings come in over time?",
        answer,
        plots.timeline("months", [_date(month) for month in span], given, unit="ratings a month"),
        f"Line chart of ratings by month. {answer}",
        note=note,
        data=table(
            "months",
            "Ratings and their mean by month, UTC.",
            (Column("month"), RATINGS, MEAN),
            [
                (f"{_date(month):%Y-%m}", int(count), total / count)
                for month, (count, total) in sorted(counts.months.items())
            ],
        ),
    )


def decades(counts: EdaCounts, note: str) -> Chart | None:
    """From which decades are the movies that people rate? None where no title has a year."""
    by_decade: dict[int, int] = {}
    for year, count in counts.release_years.items():
        by_decade[int(year) // 10 * 10] = by_decade.get(int(year) // 10 * 10, 0) + count
    if not by_decade:
        return None
    span = list(range(min(by_decade), max(by_decade) + 10, 10))
    total = sum(by_decade.values())
    most = max(by_decade, key=by_decade.__getitem__)
    answer = f"{percent(by_decade[most] / total)} of the ratings are of movies from the {most}s."
    given = [by_decade.get(decade, 0) for decade in span]
    return Chart(
        "decades",
        "From which decades are the rated movies?",
        answer,
        plots.columns(
            "decades",
            [f"{decade}s" for decade in span],
            {"ratings": given},
            unit="ratings",
            colors=(palette.GREEN,),
        ),
        f"Bar chart of ratings by decade of release. {answer}",
        note=f"{note} {counts.total - total:,} ratings are of movies without a year.",
        data=table(
            "decades",
            "Ratings by decade of release.",
            (Column("decade"), RATINGS, SHARE),
            [(f"{decade}s", count, count / total) for decade, count in zip(span, given, strict=True)],
        ),
    )


def _date(month: int) -> datetime.date:
    return datetime.date(1970 + month // 12, month % 12 + 1, 1)


def _month(month: int) -> str:
    return f"{_date(month):%B %Y}"
