"""What a section of the report is made of. Templates show it; nothing here is HTML but the charts' SVG.

A section is a function `(run: Run) -> Section` listed in `reports.sections.SECTIONS`. All
text in it is plain: the templates escape it. Only `Chart.svg` and `Picture.svg` go into the page as they
are, so make them with `reports.charts.plots`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from reports.verdict import RunChange, Verdict


@dataclass(frozen=True)
class Picture:
    """A small drawing inside a table cell.

    Attributes:
      svg: from `reports.charts.plots`.
      alt: what it shows, for those who do not see it.
    """

    svg: Markup
    alt: str


@dataclass(frozen=True)
class Link:
    """A link inside a table cell, to a place on this page or a file beside it."""

    text: str
    href: str


@dataclass(frozen=True)
class Estimate:
    """A metric or a difference inside a table cell.

    Attributes:
      value: by which it sorts.
      lower: of its 95 % interval, None where there is none.
      upper: of its 95 % interval.
      signed: whether it is written with its sign, as differences are.
    """

    value: float
    lower: float | None = None
    upper: float | None = None
    signed: bool = False


# What a cell may hold. Numbers stay numbers, so that a column sorts by value; None is "not there".
Cell = str | int | float | Verdict | RunChange | Estimate | Picture | Link | None


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
      title: the header.
      format: how numbers are written, as in `format(value, ...)`.
      note: a longer explanation, shown on hover and read aloud.
    """

    title: str
    format: str = ""
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table that sorts by a click on a header and, where there is much of it, filters by text.

    Attributes:
      id: unique on the page, such as `drift`.
      caption: what the rows are, with data and split where there are numbers.
      columns: at least one; the first one heads the rows.
      rows: each as long as `columns`.
      filterable: whether there is a box to filter by words.
      folded: whether it is closed under its caption until a reader opens it.
      empty: the text where there are no rows.
    """

    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    filterable: bool = False
    folded: bool = False
    empty: str = "Nothing to show."

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.id}: {len(row)} cells under {len(self.columns)} columns")

    @property
    def numeric(self) -> list[bool]:
        """Of each column, whether it holds numbers, which stand to the right."""
        return [
            any(isinstance(row[place], int | float | Estimate) for row in self.rows)
            for place in range(len(self.columns))
        ]


@dataclass(frozen=True)
class Chart:
    """A chart with its one-line answer.

    Attributes:
      id: unique on the page, such as `weekday`; the same as that given to `reports.charts.plots.render`.
      title: the question or what is drawn, such as "On which weekday do people rate?".
      answer: one line computed from the data, such as "Wednesday is slightly ahead: 15.4 % of ratings."
      svg: from `reports.charts.plots.render`.
      alt: what is drawn, in words: kind of chart, axes, what stands out.
      note: how it was counted: data, split, least counts.
      wide: takes the whole width on a large screen, and scrolls sideways on a small one.
      data: its values as a table, folded away under the chart.
      broad: the same of `reports.charts.plots.BROAD` pixels, for a chart that does not have another one
        beside it; None if there is one.
      filters: of a chart whose points have classes (`reports.charts.points`), the labels of the classes; a
        reader shows one of them at a time.
    """

    id: str
    title: str
    answer: str
    svg: Markup
    alt: str
    note: str = ""
    wide: bool = False
    data: Table | None = None
    broad: Markup | None = None
    filters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fact:
    """A name and a value, for lists of settings, counts and versions.

    Attributes:
      name: what it is.
      value: in words.
      verdict: coloured, beside the value.
      command: whether the value is a command to type.
    """

    name: str
    value: str
    verdict: Verdict | None = None
    command: bool = False


@dataclass(frozen=True)
class Part:
    """What stands under one heading of a section: text, then facts, charts and tables.

    Attributes:
      id: unique on the page; links lead to it.
      title: the heading.
      answer: one line with the result, or "".
      text: paragraphs.
      facts: a list of names and values.
      charts: drawn side by side where the page is wide enough.
      tables: below the charts.
      verdict: shown beside the heading.
    """

    id: str
    title: str
    answer: str = ""
    text: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
      id: unique on the page: `run`, `data`, `eda`, `models`, `card`.
      title: the heading and the entry in the navigation.
      answer: the section in one line.
      parts: in the order of the page.
      verdict: shown beside the heading and in the navigation.
      metrics: the same in a form for programs: goes into `report.json` under the section's id. JSON types
        only.
      side_by_side: whether its parts share the first screen, without a list of contents.
    """

    id: str
    title: str
    answer: str
    parts: tuple[Part, ...]
    verdict: Verdict | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    side_by_side: bool = False
