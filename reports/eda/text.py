"""Words and table columns that the charts of the data share."""

from collections.abc import Iterable, Sequence
from typing import Final

from reports.eda.counts import EdaCounts
from reports.section import Cell, Column, Table

RATINGS: Final = Column("ratings", ",")
SHARE: Final = Column("share", ".1%")
MEAN: Final = Column("mean rating", ".2f")
# For chart titles, where "18-24" stands for the lower edge 18.
AGE_GROUPS: Final = {
    1: "under 18",
    18: "18-24",
    25: "25-34",
    35: "35-44",
    45: "45-49",
    50: "50-55",
    56: "56 or older",
}


def age_group(lower_edge: float) -> str:
    """The group in words."""
    return AGE_GROUPS.get(int(lower_edge), f"from {lower_edge:g}")


def percent(share: float) -> str:
    """Such as 15.4%."""
    return f"{share:.1%}"


def listed(words: Sequence[str]) -> str:
    """Such as "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def measured_on(counts: EdaCounts, data_name: str) -> str:
    """Data, splits and rows, for the note under a chart."""
    return f"{data_name}, {listed(list(counts.rows))} splits together: {counts.total:,} ratings."


def table(chart_id: str, caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Table:
    """The metrics under a chart."""
    return Table(f"{chart_id}-data", caption, tuple(columns), tuple(tuple(row) for row in rows))
