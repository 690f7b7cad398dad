"""Charts of coloured cells: heat maps, and maps of equal tiles."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from reports.charts import palette
from reports.charts.drawing import NARROW, WIDE, new_figure, render
from reports.charts.plots import short_number


def heat_map(
    chart_id: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    *,
    axis: str = "",
    texts: Sequence[Sequence[str]] | None = None,
    width: int = NARROW,
) -> Markup:
    """A table of coloured cells from light (least) to strong (most), each with its value.

    Args:
      chart_id: as of `render`.
      rows: labels at the left, from the top down.
      columns: labels below.
      values: [rows][columns], at least 0; each step of colour is a sixth of the square root of the most.
      axis: what the columns are.
      texts: what stands in each cell; the value in a few characters if None.
      width: in CSS pixels.
    """
    figure, axes = new_figure(width, 40 + 19 * max(len(rows), 1))
    most = max((value for row in values for value in row), default=0)
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            step = palette.step_of(value, most)
            fill, ink = palette.SEQUENCE[step].light, palette.INK_ON_SEQUENCE[step].light
            axes.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=fill))
            text = texts[y][x] if texts else short_number(value)
            axes.text(x, y, text, ha="center", va="center", fontsize=10, color=ink)
    _bare(axes, len(columns), len(rows))
    axes.set_xticks(range(len(columns)), columns, fontsize=10)
    axes.set_yticks(range(len(rows)), rows, fontsize=10)
    axes.set_xlabel(axis)
    return render(figure, chart_id)


def tile_map(
    chart_id: str,
    tiles: Mapping[str, tuple[int, int]],
    values: Mapping[str, float],
    width: int = WIDE,
) -> Markup:
    """A map of equal tiles, coloured by value, each with its name and its value.

    Args:
      chart_id: as of `render`.
      tiles: column and row of each place, from the upper left.
      values: by place; a place without one has 0, a value without a tile is left out.
      width: in CSS pixels.
    """
    columns, rows = (max(place[axis] for place in tiles.values()) + 1 for axis in (0, 1))
    figure, axes = new_figure(width, round(width / columns * rows * 0.72))
    most = max((values.get(name, 0) for name in tiles), default=0)
    for name, (x, y) in tiles.items():
        value = values.get(name, 0)
        step = palette.step_of(value, most)
        fill, ink = palette.SEQUENCE[step].light, palette.INK_ON_SEQUENCE[step].light
        axes.add_patch(Rectangle((x - 0.47, y - 0.46), 0.94, 0.92, facecolor=fill))
        axes.text(x, y - 0.14, name, ha="center", va="center", fontsize=13, fontweight="bold", color=ink)
        axes.text(x, y + 0.2, short_number(value), ha="center", va="center", fontsize=11, color=ink)
    _bare(axes, columns, rows)
    axes.set_axis_off()
    return render(figure, chart_id)


def _bare(axes: Axes, columns: int, rows: int) -> None:
    """Limits for cells around whole numbers, from the top down, without lines."""
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
