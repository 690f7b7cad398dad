"""The page of all runs: their verdicts, metrics with thresholds and pushes, and the drift of their data."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from contracts import metrics
from reports.charts import palette, plots
from reports.index.recorded import REPORTS_FOLDER, RecordedRun
from reports.page import Head, Report, write_page
from reports.reading.run_store import load_runs
from reports.section import Cell, Chart, Column, Estimate, Link, Part, Section, Table
from reports.verdict import Verdict

# The newest runs that the page shows; more would not be told apart.
MOST_RUNS: Final = 100
_METRICS: Final = (metrics.RECALL_AT[10], metrics.LIKED_RECALL, metrics.GRADED_NDCG, metrics.RMSE)
# The characters of a run's id up to the seconds; the report has all.
_SECONDS: Final = 19
# So many runs have space on a narrow chart.
_FEW: Final = 5
_MARKERS: Final = ("o", "s", "^", "D", "v", "P")


def write_index(output: Path) -> Report:
    """Writes the index of the runs below `output` and the same as JSON.

    Args:
      output: the root folder of the runs.

    Raises:
      ReportError: no run has written there.
    """
    runs = [RecordedRun.of(run) for run in load_runs(output, MOST_RUNS)]
    again = shlex.join(["python", "-m", "reports", "index", "--output", str(output)])
    head = Head(
        title="Index of the runs",
        about=f"{_count(runs)} below {output}",
        synthetic=all(found.run.synthetic for found in runs),
        footer=f"This file loads nothing from anywhere. To build it again: {again}",
    )
    folder = output / REPORTS_FOLDER
    values = {"runs": [_as_json(found) for found in runs]}
    return write_page(head, [_runs(runs, folder), _metrics(runs), _drift(runs)], values, folder)


def _as_json(found: RecordedRun) -> dict[str, Any]:
    measured = {name: estimate for name in _METRICS if (estimate := found.metric(name))}
    return {
        "id": found.run.id,
        "series": found.series,
        "verdict": found.verdict.value if found.verdict else None,
        "pushed": found.pushed,
        "metrics": {name: estimate.value for name, estimate in measured.items()},
        "drift": {feature: value for feature, (value, _) in found.drift.items()},
    }


def _runs(runs: Sequence[RecordedRun], folder: Path) -> Section:
    rows: list[tuple[Cell, ...]] = [
        (
            Link(found.run.id[:_SECONDS], os.path.relpath(found.page, folder))
            if found.page
            else found.run.id[:_SECONDS],
            found.verdict,
            found.series,
            f"version {found.pushed}" if found.pushed else found.run.failure or "pushed nothing",
            *(found.metric(name) for name in _METRICS),
        )
        for found in reversed(runs)
    ]
    pushed = sum(bool(found.pushed) for found in runs)
    failed = sum(found.verdict is Verdict.FAILED for found in runs)
    table = Table(
        "runs-table",
        "The runs, the newest first, with metrics on the eval split and intervals of 95 %. A link leads to "
        "the report.",
        (
            Column("run"),
            Column("verdict"),
            Column("data and split"),
            Column("outcome"),
            *(Column(name, ".4f") for name in _METRICS),
        ),
        tuple(rows),
        filterable=True,
    )
    answer = f"{_count(runs)}: {pushed:,} pushed a version, {failed:,} failed or missed a threshold."
    return Section("runs", "Runs", answer, (Part("runs-all", "All runs", tables=(table,)),))


def _metrics(runs: Sequence[RecordedRun]) -> Section:
    charts = tuple(chart for name in _METRICS if (chart := _metric_chart(name, runs)))
    return Section(
        "metrics",
        "Metrics over runs",
        "Metrics of one series, data and split rule, can be compared; a filled mark is of a pushed version."
        if charts
        else "No run has measured a model.",
        (Part("metrics-over-runs", "Metrics", charts=charts),) if charts else (),
    )


def _metric_chart(name: str, runs: Sequence[RecordedRun]) -> Chart | None:
    measured = [(place, found, value) for place, found in enumerate(runs) if (value := found.metric(name))]
    if not measured:
        return None
    chart_id = f"over-runs-{name.replace('@', '-at-').replace('_', '-')}"
    few = len(runs) <= _FEW
    _, latest, value = measured[-1]
    answer = f"The latest is {value.value:.4f}, of run {latest.run.id}."
    limited = any(found.limit(name) is not None for _, found, _ in measured)
    note = "The threshold is that of the Evaluator." if limited else "This metric has no absolute threshold."
    return Chart(
        chart_id,
        name,
        answer,
        _draw_metric(chart_id, name, measured, runs, plots.NARROW if few else plots.WIDE),
        f"{name} with 95 % intervals by run, in order. {answer}",
        note=note,
        wide=not few,
    )


def _draw_metric(
    chart_id: str,
    name: str,
    measured: Sequence[tuple[int, RecordedRun, Estimate]],
    runs: Sequence[RecordedRun],
    width: int,
) -> Markup:
    drawing, axes = plots.new_figure(width, 300)
    series = list(dict.fromkeys(found.series for _, found, _ in measured))
    for number, of in enumerate(series):
        color, marker = palette.SERIES[number % 6].light, _MARKERS[number % 6]
        own = [(place, found, value) for place, found, value in measured if found.series == of]
        axes.plot([p for p, _, _ in own], [v.value for _, _, v in own], "-", color=color, lw=1)
        for place, found, value in own:
            if value.lower is not None and value.upper is not None:
                axes.plot([place, place], [value.lower, value.upper], color=color, lw=1.5)
            fill = color if found.pushed else palette.PANEL.light
            axes.plot([place], [value.value], marker, ms=7, color=color, markerfacecolor=fill)
        axes.plot([], [], marker, ms=7, color=color, label=of)
    limits = [(place, limit) for place, found, _ in measured if (limit := found.limit(name)) is not None]
    if limits:
        # As wide as the place of a run, so that one run alone has a line too.
        begins, ends = ([place + side for place, _ in limits] for side in (-0.5, 0.5))
        color = palette.BAD.light
        axes.hlines([limit for _, limit in limits], begins, ends, color, "--", lw=1.5, label="threshold")
    _label_runs(axes, runs)
    axes.set_ylabel(name)
    plots.legend_above(axes)
    return plots.render(drawing, chart_id)


def _drift(runs: Sequence[RecordedRun]) -> Section:
    measured = [(place, found) for place, found in enumerate(runs) if found.drift]
    if not measured:
        answer = "No run was compared with an earlier one on other data of its series."
        return Section("drift", "Drift over runs", answer, ())
    features = list(dict.fromkeys(feature for _, found in measured for feature in found.drift))
    shares = {
        feature: [
            (place, found.drift[feature][0] / found.drift[feature][1])
            for place, found in measured
            if feature in found.drift
        ]
        for feature in features
    }
    above = sorted({feature for feature, found in shares.items() for _, share in found if share > 1})
    answer = f"Above its threshold in some run: {', '.join(above)}." if above else "Never above a threshold."
    chart_id = "drift-over-runs"
    drawing, axes = plots.new_figure(plots.WIDE, 320)
    for number, (feature, found) in enumerate(shares.items()):
        color, marker = palette.SERIES[number % 6].light, _MARKERS[number % 6]
        axes.plot(*zip(*found, strict=True), f"{marker}-", ms=5, lw=1, color=color, label=feature)
    axes.axhline(1, color=palette.BAD.light, lw=1.5, ls="--", label="threshold")
    _label_runs(axes, runs)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("distance / threshold")
    plots.legend_above(axes)
    chart = Chart(
        chart_id,
        "How far is the data of each run from that of the run before?",
        answer,
        plots.render(drawing, chart_id),
        f"Lines of the distance of each feature as a share of its threshold, by run. {answer}",
        note="Distances and thresholds of the data gate, to the last accepted run on other data.",
        wide=True,
        data=Table(
            "drift-over-runs-data",
            "Distance and, in brackets, threshold by run and feature.",
            (Column("run"), *map(Column, features)),
            tuple(_drift_rows(measured, features)),
        ),
    )
    return Section("drift", "Drift over runs", answer, (Part("drift-all", "Drift", charts=(chart,)),))


def _drift_rows(
    measured: Sequence[tuple[int, RecordedRun]], features: Sequence[str]
) -> Iterator[tuple[Cell, ...]]:
    for _, found in measured:
        cells = [found.drift.get(feature) for feature in features]
        yield found.run.id, *(f"{cell[0]:.4f} ({cell[1]:.3f})" if cell else None for cell in cells)


def _count(runs: Sequence[RecordedRun]) -> str:
    return f"{len(runs):,} run{'' if len(runs) == 1 else 's'}"


def _label_runs(axes: Any, runs: Sequence[RecordedRun]) -> None:
    """Puts days and minutes of the runs under the axis, as many as there is space for."""
    step = -(-len(runs) // 12)
    places = range(0, len(runs), step)
    axes.set_xticks(places, [runs[place].run.id[5:16].replace("T", "\n") for place in places])
    axes.set_xlim(-0.5, max(len(runs) - 0.5, 0.5))
    axes.set_xlabel("run")
