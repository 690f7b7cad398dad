"""Plots as SVG files, in the style of the report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from reports.charts import palette
from reports.charts.drawing import WIDE, new_figure, shortened
from reports.charts.plots import legend_above

_SEQUENCE: Final = LinearSegmentedColormap.from_list("sequence", [role.light for role in palette.SEQUENCE])


def bars(path: Path, values: Mapping[str, float], *, unit: str, digits: int = 3) -> None:
    """Horizontal bars from the top down, each with its value."""
    figure, axes = new_figure(WIDE, 60 + 22 * max(len(values), 1))
    places = range(len(values))
    drawn = axes.barh(places, list(values.values()), color=palette.BLUE.light, height=0.72)
    axes.bar_label(drawn, labels=[f"{value:.{digits}f}" for value in values.values()], padding=4, fontsize=10)
    axes.set_yticks(places, [shortened(name, 44) for name in values])
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.1)
    axes.set_xlabel(unit)
    _save(figure, path)


def scatter(path: Path, points: Mapping[str, tuple[float, float]], *, x: str, y: str) -> None:
    """Named points over a logarithmic x."""
    figure, axes = new_figure(WIDE, 360)
    for name, (across, up) in points.items():
        axes.plot(across, up, "o", color=palette.BLUE.light)
        axes.annotate(
            shortened(name, 30), (across, up), xytext=(5, 4), textcoords="offset points", fontsize=9
        )
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    _save(figure, path)


def intervals(path: Path, values: Mapping[str, Sequence[float]], *, unit: str) -> None:
    """All values of each name as dots on its line, with their mean."""
    figure, axes = new_figure(WIDE, 80 + 26 * max(len(values), 1))
    for place, of_name in enumerate(values.values()):
        # The legend has one entry for all lines.
        seed, mean = ("one seed", "mean") if place == 0 else (None, None)
        axes.plot(of_name, [place] * len(of_name), "o", ms=5, alpha=0.6, color=palette.BLUE.light, label=seed)
        axes.plot([float(np.mean(of_name))], [place], "D", ms=7, color=palette.ORANGE.light, label=mean)
    axes.set_yticks(range(len(values)), [shortened(name, 44) for name in values])
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xlabel(unit)
    legend_above(axes)
    _save(figure, path)


def readings(path: Path, values: Mapping[str, Mapping[str, float]], *, unit: str) -> None:
    """Readings of one thing by several rules, for each name on its line."""
    figure, axes = new_figure(WIDE, 80 + 26 * max(len(values), 1))
    # One inside the other where both are the same.
    shapes = ("o", 11, "none"), ("D", 5, None)
    for place, of_name in enumerate(values.values()):
        axes.plot([*of_name.values()], [place] * len(of_name), "-", color=palette.GRID.light)
        for (rule, value), color, (marker, size, fill) in zip(
            of_name.items(), palette.SERIES, shapes, strict=False
        ):
            axes.plot(
                [value],
                [place],
                marker,
                ms=size,
                mew=2,
                mfc=fill or color.light,
                color=color.light,
                label=rule if place == 0 else None,
            )
    axes.set_yticks(range(len(values)), [shortened(name, 44) for name in values])
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xlabel(unit)
    legend_above(axes)
    _save(figure, path)


def lines(
    path: Path, series: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, x: str, y: str
) -> None:
    """Lines through points, distinguished by colour and by dashes."""
    figure, axes = new_figure(WIDE, 320)
    styles = ("-", "--", "-.", ":")
    for (name, points), color, style in zip(series.items(), palette.SERIES, styles, strict=False):
        axes.plot(*points, style, color=color.light, marker="o", markersize=4, label=name)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    legend_above(axes)
    _save(figure, path)


def heat_map(path: Path, names: Sequence[str], weights: Sequence[Sequence[float]], *, unit: str) -> None:
    """A square of weights by pair of names: rows act on columns."""
    figure, axes = new_figure(WIDE, WIDE - 60)
    image = axes.imshow(np.array(weights), cmap=_SEQUENCE)
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=9)
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.grid(visible=False)
    figure.colorbar(image, ax=axes, label=unit, shrink=0.8)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    # The same numbers give the same file. On paper and not on nothing, so that it reads on a dark page too.
    with mpl.rc_context({"svg.hashsalt": path.name}):
        figure.savefig(path, format="svg", facecolor=palette.PAPER.light, metadata={"Date": None})
