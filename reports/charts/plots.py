"""The kinds of charts of the report, each a function from numbers to SVG; `drawing` has the style."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib as mpl
import matplotlib.dates
import matplotlib.ticker
from markupsafe import Markup
from matplotlib.axes import Axes

from reports.charts import palette
from reports.charts.drawing import BROAD, NARROW, WIDE, new_figure, printable, render, shortened

__all__ = [
    "BROAD",
    "NARROW",
    "WIDE",
    "bars",
    "columns",
    "dots",
    "legend_above",
    "lines",
    "new_figure",
    "printable",
    "render",
    "short_number",
    "short_numbers",
    "shortened",
    "small_histogram",
    "timeline",
]

# Characters of a label at the left of a narrow chart.
_LABEL: Final = 22
# Pixels of a legend: a character on average, and the sign with its margins.
_CHARACTER: Final = 7.5
_LEGEND_SIGN: Final = 48
# matplotlib's module of dates does not have types.
_dates: Final[Any] = mpl.dates


def bars(
    chart_id: str,
    labels: Sequence[str],
    values: Sequence[float],
    *,
    unit: str = "",
    texts: Sequence[str] | None = None,
    color: palette.Role = palette.BLUE,
    width: int = NARROW,
) -> Markup:
    """Horizontal bars from the top down, each with its value at the end.

    Args:
      chart_id: as of `render`.
      labels: what each bar stands for; long ones are cut.
      values: its length, from 0.
      unit: what the values are, under the axis.
      texts: what to write at the end of each bar; the value with thousands separators if None.
      color: of the bars.
      width: in CSS pixels.
    """
    figure, axes = new_figure(width, 56 + 24 * max(len(labels), 1))
    positions = range(len(labels))
    drawn = axes.barh(positions, values, color=color.light, height=0.72)
    axes.bar_label(drawn, labels=list(texts or [f"{value:,.0f}" for value in values]), padding=4)
    axes.set_yticks(positions, [shortened(label, _LABEL) for label in labels])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.3)
    axes.set_xlabel(unit)
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(3))
    axes.xaxis.set_major_formatter(short_numbers())
    return render(figure, chart_id)


def columns(
    chart_id: str,
    labels: Sequence[str],
    series: Mapping[str, Sequence[float]],
    *,
    unit: str = "",
    axis: str = "",
    colors: Sequence[palette.Role] = palette.SERIES,
    width: int = NARROW,
    height: int = 240,
) -> Markup:
    """Vertical bars, side by side where there are several series.

    Args:
      chart_id: as of `render`.
      labels: of the places on the axis below.
      series: values by the name of the series, one a label; a legend names several.
      unit: what the values are.
      axis: what the labels are.
      colors: of the series, in their order.
      width: in CSS pixels.
      height: in CSS pixels.
    """
    figure, axes = new_figure(width, height)
    thickness = 0.8 / max(len(series), 1)
    for number, ((name, values), color) in enumerate(zip(series.items(), colors, strict=False)):
        offset = (number - (len(series) - 1) / 2) * thickness
        places = [place + offset for place in range(len(labels))]
        axes.bar(places, values, width=thickness * 0.94, color=color.light, label=name)
    fitting = width // (12 + 8 * max(map(len, labels), default=1))
    step = -(-len(labels) // max(fitting, 1))
    axes.set_xticks(range(0, len(labels), step), [shortened(label, 14) for label in labels[::step]])
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
    axes.yaxis.set_major_formatter(short_numbers())
    axes.set_ylabel(unit)
    axes.set_xlabel(axis)
    if len(series) > 1:
        legend_above(axes)
    return render(figure, chart_id)


def lines(
    chart_id: str,
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    unit: str = "",
    axis: str = "",
    colors: Sequence[palette.Role] = palette.SERIES,
    markers: bool = False,
    width: int = NARROW,
    height: int = 240,
) -> Markup:
    """Lines through points, distinguished by colour and by dashes.

    Args:
      chart_id: as of `render`.
      series: x and y values by the name of the series; a legend names several.
      unit: what y is.
      axis: what x is.
      colors: of the series, in their order.
      markers: whether to mark the points.
      width: in CSS pixels.
      height: in CSS pixels.
    """
    figure, axes = new_figure(width, height)
    styles = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
    for (name, (x, y)), color, style in zip(series.items(), colors, styles, strict=False):
        axes.plot(x, y, color=color.light, linestyle=style, marker="o" if markers else None, ms=4, label=name)
    axes.set_ylabel(unit)
    axes.set_xlabel(axis)
    if len(series) > 1:
        legend_above(axes)
    return render(figure, chart_id)


def dots(
    chart_id: str,
    labels: Sequence[str],
    series: Mapping[str, Sequence[float]],
    *,
    unit: str = "",
    colors: Sequence[palette.Role] = palette.SERIES,
    width: int = NARROW,
) -> Markup:
    """Dots on one line a label, from the top down; series differ by colour and by shape.

    Args:
      chart_id: as of `render`.
      labels: of the lines; long ones are cut.
      series: values by the name of the series, one a label.
      unit: what the values are.
      colors: of the series, in their order.
      width: in CSS pixels.
    """
    figure, axes = new_figure(width, 76 + 24 * max(len(labels), 1))
    for (name, values), color, marker in zip(series.items(), colors, ("o", "D", "s", "^"), strict=False):
        axes.plot(values, range(len(labels)), marker, color=color.light, markersize=6, label=name)
    axes.set_yticks(range(len(labels)), [shortened(label, _LABEL) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4))
    axes.set_xlabel(unit)
    legend_above(axes)
    return render(figure, chart_id)


def timeline(
    chart_id: str,
    dates: Sequence[datetime.date],
    values: Sequence[float],
    *,
    unit: str = "",
    width: int = NARROW,
) -> Markup:
    """A filled line over dates.

    Args:
      chart_id: as of `render`.
      dates: ascending.
      values: one a date, from 0.
      unit: what the values are.
      width: in CSS pixels.
    """
    figure, axes = new_figure(width)
    days = _dates.date2num(dates)
    axes.fill_between(days, values, color=palette.BLUE.light, alpha=0.25, linewidth=0)
    axes.plot(days, values, color=palette.BLUE.light, marker="o" if len(days) < 25 else None, markersize=4)
    locator = _dates.AutoDateLocator(minticks=2, maxticks=4)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(_dates.ConciseDateFormatter(locator, show_offset=False))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(short_numbers())
    axes.set_ylabel(unit)
    return render(figure, chart_id)


def legend_above(axes: Axes) -> None:
    """Puts the legend above the axes, from the left end of the figure, in as many columns as fit."""
    handles, labels = axes.get_legend_handles_labels()
    drawing = axes.get_figure()
    assert drawing is not None
    of_label = _LEGEND_SIGN + _CHARACTER * max(map(len, labels), default=0)
    drawing.legend(
        handles,
        labels,
        loc="outside upper left",
        ncols=max(1, min(len(labels), int(drawing.bbox.width // of_label))),
        borderaxespad=0.2,
        frameon=False,
        labelcolor=palette.INK.light,
    )


def short_numbers() -> mpl.ticker.Formatter:
    """Ticks such as 500, 20k and 3M."""
    return mpl.ticker.FuncFormatter(lambda value, _: short_number(value))


def short_number(value: float) -> str:
    """The number in a few characters: 0.25, 500, 20k, 3M."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.4g}"


def small_histogram(
    chart_id: str,
    series: Sequence[tuple[Sequence[float], Sequence[float]]],
    colors: Sequence[palette.Role] = palette.SERIES,
    width: int = 150,
    height: int = 44,
) -> Markup:
    """A histogram without axes for a table cell: the first series filled, the others as lines over it.

    Args:
      chart_id: as of `render`.
      series: [n + 1] edges of the bins and [n] their heights.
      colors: of the series, in their order.
      width: in CSS pixels.
      height: in CSS pixels.
    """
    figure, axes = new_figure(width, height)
    axes.set_axis_off()
    figure.set_layout_engine("none")
    axes.set_position((0.01, 0.03, 0.98, 0.94))
    for number, ((edges, heights), color) in enumerate(zip(series, colors, strict=False)):
        first = number == 0
        axes.stairs(heights, edges, fill=first, color=color.light, lw=1.5, alpha=0.6 if first else 1)
    axes.set_ylim(bottom=0)
    axes.margins(x=0)
    return render(figure, chart_id)
