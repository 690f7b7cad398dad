"""The lineage graph: which node of a run took what from which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup
from matplotlib.patches import Rectangle

from reports.charts import palette, plots
from reports.reading.run_data import NodeState, Run

_BOX: Final = (0.94, 0.5)
_ROW_HEIGHT: Final = 68
_WIDEST: Final = 6
_COLORS: Final = {
    NodeState.DONE: palette.GOOD,
    NodeState.CACHED: palette.BLUE,
    NodeState.FAILED: palette.BAD,
    NodeState.RUNNING: palette.CAUTION,
    NodeState.NOT_RUN: palette.MUTED,
}


def edges_of(run: Run) -> dict[str, set[str]]:
    """The nodes that each node took artifacts from, by its id; one that did not run has those of the plan."""
    makers = {
        artifact.id: node.id
        for node in run.nodes
        for artifacts in node.outputs.values()
        for artifact in artifacts
    }
    taken = {
        node.id: {
            makers[artifact.id]
            for artifacts in node.inputs.values()
            for artifact in artifacts
            if makers.get(artifact.id, node.id) != node.id
        }
        for node in run.nodes
    }
    return {
        node_id: parents or taken.keys() & set(run.planned.get(node_id, ()))
        for node_id, parents in taken.items()
    }


def draw(run: Run, chart_id: str) -> Markup:
    """The graph from the top down; an arrow that a longer way makes plain is left out."""
    parents = _reduced(edges_of(run))
    rows = _rows(parents)
    places = _places(rows, parents)
    figure, axes = plots.new_figure(plots.WIDE, max(1, len(rows)) * _ROW_HEIGHT)
    axes.set_axis_off()
    for node_id, above in parents.items():
        x, y = places[node_id]
        for parent in sorted(above):
            from_x, from_y = places[parent]
            axes.annotate(
                "",
                (x, y - _BOX[1] / 2),
                (from_x, from_y + _BOX[1] / 2),
                arrowprops={"arrowstyle": "->", "color": palette.MUTED.light, "linewidth": 1},
                zorder=1,
            )
    for node in run.nodes:
        x, y = places[node.id]
        color = _COLORS[node.state].light
        axes.text(x, y - 0.08, node.id, ha="center", va="center", color=palette.INK.light)
        axes.text(x, y + 0.12, node.state.value, ha="center", va="center", color=color)
        axes.add_patch(_box(x, y, color, dashed=node.state is NodeState.NOT_RUN)).set_zorder(2)
    axes.set_xlim(-_WIDEST / 2, _WIDEST / 2)
    axes.set_ylim(len(rows) - 0.6, -0.4)
    return plots.render(figure, chart_id)


def _box(x: float, y: float, color: str, *, dashed: bool) -> Rectangle:
    width, height = _BOX
    return Rectangle(
        (x - width / 2, y - height / 2),
        width,
        height,
        facecolor=palette.PANEL.light,  # So that an arrow to a lower row passes behind.
        edgecolor=color,
        linewidth=1.5,
        linestyle="--" if dashed else "-",
    )


def _reduced(parents: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The transitive reduction: without edges from a parent that is also reached through another parent."""
    reachable: dict[str, set[str]] = {}

    def above(node_id: str) -> set[str]:
        if node_id not in reachable:
            reachable[node_id] = set().union(*({one} | above(one) for one in parents[node_id]))
        return reachable[node_id]

    return {
        node_id: {one for one in direct if not any(one in above(other) for other in direct)}
        for node_id, direct in parents.items()
    }


def _rows(parents: Mapping[str, set[str]]) -> list[list[str]]:
    """The nodes by the length of the longest way to them, in rows that the page is wide enough for."""
    depths: dict[str, int] = {}

    def depth(node_id: str) -> int:
        if node_id not in depths:
            depths[node_id] = max((depth(one) + 1 for one in parents[node_id]), default=0)
        return depths[node_id]

    rows: list[list[str]] = [[] for _ in range(max(map(depth, parents), default=-1) + 1)]
    for node_id in parents:
        rows[depths[node_id]].append(node_id)
    return [row[start : start + _WIDEST] for row in rows for start in range(0, len(row), _WIDEST)]


def _places(rows: list[list[str]], parents: Mapping[str, set[str]]) -> dict[str, tuple[float, float]]:
    """Centres of the boxes: each row is centred, and in the order of what stands above."""
    places: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):

        def middle(node_id: str) -> float:
            above = [places[one][0] for one in parents[node_id]]
            return sum(above) / len(above) if above else 0.0

        for index, node_id in enumerate(sorted(row, key=middle)):
            places[node_id] = (index - (len(row) - 1) / 2, float(number))
    return places
