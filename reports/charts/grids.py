"""Charts of coloured cells: heat maps and maps of tiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from reports.charts import palette
from reports.charts.drawing import WIDE, new_figure, render
from reports.charts.plots import short_number

_STEPS: Final = len(palette.SEQUENCE)


def heat_map(
    chart_id: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    *,
    unit: str,
    axis: str = "",
    texts: Sequence[Sequence[str]] | None = None,
    slanted: bool = False,
) -> Markup:
    """A table of coloured cells from light (least) to strong (most), each with its value, and a legend.

    Args:
      chart_id: as of `render`.
      rows: labels at the left, from the top down.
      columns: labels below.
      values: [rows][columns], at least 0; each step of colour is a sixth of the square root of the most.
      unit: what the values are.
      axis: what the columns are.
      texts: what stands in each cell; the value in a few characters if None.
      slanted: whether the labels below are slanted, for long ones.
    """
    longest = max(map(len, columns), default=0)
    figure, axes = new_figure(WIDE, 90 + 24 * max(len(rows), 1) + (5 * longest if slanted else 0))
    most = max((value for row in values for value in row), default=0)
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            text = texts[y][x] if texts else short_number(value)
            _cell(axes, x, y, palette.step_of(value, most), (0.96, 0.92), (text,))
    _bare(axes, len(columns), len(rows))
    axes.set_xticks(range(len(columns)), columns)
    if slanted:
        for label in axes.get_xticklabels():
            label.set(rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel(axis)
    _legend(axes, [most * ((step + 1) / _STEPS) ** 2 for step in range(_STEPS)], unit, short_number)
    return render(figure, chart_id)


def tile_map(
    chart_id: str,
    tiles: Mapping[str, tuple[int, int]],
    values: Mapping[str, float],
    *,
    unit: str,
    equal_steps: bool = False,
    number: Callable[[float], str] = short_number,
) -> Markup:
    """A map of equal tiles, coloured by value, each with its name and its value, and a legend.

    Args:
      chart_id: as of `render`.
      tiles: column and row of each place, from the upper left.
      values: by place; a place without one has a dash, a value without a tile is left out.
      unit: what the values are.
      equal_steps: whether colours go in equal steps from the least to the most value, as for means; else they
        go from 0 by the square root, as for counts.
      number: how a value is written.
    """
    columns, rows = (max(place[axis] for place in tiles.values()) + 1 for axis in (0, 1))
    figure, axes = new_figure(WIDE, 50 + round(WIDE / columns * rows * 0.55))
    shown = [values[name] for name in tiles if name in values]
    least, most = min(shown, default=0), max(shown, default=0)
    for name, (x, y) in tiles.items():
        value = values.get(name)
        step = 0
        if value is not None:
            step = palette.step_between(value, least, most) if equal_steps else palette.step_of(value, most)
        _cell(axes, x, y, step, (0.94, 0.92), (name, "-" if value is None else number(value)))
    _bare(axes, columns, rows)
    axes.set_axis_off()
    bounds = [
        least + (most - least) * (step + 1) / _STEPS if equal_steps else most * ((step + 1) / _STEPS) ** 2
        for step in range(_STEPS)
    ]
    _legend(axes, bounds, unit, number)
    return render(figure, chart_id)


def _cell(axes: Axes, x: int, y: int, step: int, size: tuple[float, float], texts: tuple[str, ...]) -> None:
    """A cell with one text, or with a name over a value."""
    fill, ink = palette.SEQUENCE[step].light, palette.INK_ON_SEQUENCE[step].light
    width, height = size
    axes.add_patch(Rectangle((x - width / 2, y - height / 2), width, height, facecolor=fill))
    for place, text in enumerate(texts):
        named = len(texts) > 1 and place == 0
        middle = y + (0.0 if len(texts) == 1 else -0.17 + 0.38 * place)
        weight = "bold" if named else "normal"
        axes.text(x, middle, text, ha="center", va="center", fontweight=weight, color=ink)


def _legend(axes: Axes, bounds: Sequence[float], unit: str, number: Callable[[float], str]) -> None:
    """The colours above the drawing, each with the most that it stands for."""
    boxes = [Rectangle((0, 0), 1, 1, facecolor=role.light) for role in palette.SEQUENCE]
    labels = [f"{unit}, up to {number(bounds[0])}", *map(number, bounds[1:])]
    axes.legend(
        boxes,
        labels,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=_STEPS,
        borderaxespad=0.2,
        frameon=False,
        labelcolor=palette.INK.light,
    )


def _bare(axes: Axes, columns: int, rows: int) -> None:
    """Limits for cells around whole numbers, from the top down, without lines."""
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
