"""A scatter plot whose points can be hovered over, and shown by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.charts import palette
from reports.charts.drawing import SVG, printable, render

# By matplotlib's names of markers, so that a legend that it draws fits; around (0, 0), in CSS pixels.
_SHAPES: Final = {
    "o": "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",
    "s": "M-3.5,-3.5h7v7h-7z",
    "^": "M0,-4.5L4.3,3.5L-4.3,3.5z",
    "D": "M0,-4.8L4.8,0L0,4.8L-4.8,0z",
    "v": "M0,4.5L4.3,-3.5L-4.3,-3.5z",
    "P": "M-1.5,-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
}


@dataclass(frozen=True)
class Point:
    """A point of the plot.

    Attributes:
      x: in the coordinates of the axes.
      y: in the coordinates of the axes.
      title: shown on hover.
      role: its colour.
      marker: its shape, one of `o s ^ D v P`.
      classes: positions in `Chart.filters` of the labels that show it.
    """

    x: float
    y: float
    title: str
    role: palette.Role
    marker: str
    classes: tuple[int, ...]


def render_points(figure: Figure, axes: Axes, chart_id: str, points: Sequence[Point]) -> Markup:
    """Renders a figure as `render` does, with the points on it.

    Args:
      figure: with axes, limits, labels and legend; the points are not on it.
      axes: of the figure.
      chart_id: as of `render`.
      points: in the order in which they are drawn.
    """
    drawn = render(figure, chart_id)
    # The layout is known once it is drawn. SVG counts from the top.
    height = figure.get_figheight() * figure.dpi
    root = ElementTree.fromstring(drawn)
    group = ElementTree.SubElement(root, f"{{{SVG}}}g")
    for point in points:
        x, y = axes.transData.transform((point.x, point.y))
        shape = ElementTree.SubElement(
            group,
            f"{{{SVG}}}path",
            {
                "d": _SHAPES[point.marker],
                "transform": f"translate({x:.1f} {height - y:.1f})",
                "fill": f"var(--{point.role.name})",
                "fill-opacity": "0.8",
                "data-class": " ".join(map(str, point.classes)),
            },
        )
        ElementTree.SubElement(shape, f"{{{SVG}}}title").text = printable(point.title)
    return Markup(ElementTree.tostring(root, encoding="unicode"))
