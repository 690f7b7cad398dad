"""How a model does on slices of the data, with the threshold drawn in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from matplotlib.axes import Axes

from contracts import metrics
from reports.charts import palette, plots
from reports.models.evaluation import bounds, main_metric, reference_name
from reports.reading.evaluation_results import EvaluationSummary, Measure, SliceSummary, Thresholds
from reports.section import Chart, Column, Part, Table

_ERRORS: Final = frozenset({metrics.RMSE, metrics.MAE})
# Slices with fewer users have wide intervals; they are in the table and not in the drawing.
LEAST_USERS: Final = 5
# Metrics at lengths between the first ten and the whole list, for which the table of slices lacks a column.
_IN_BETWEEN: Final = frozenset(
    of[length] for of in (metrics.RECALL_AT, metrics.NDCG_AT) for length in metrics.LIST_LENGTHS[1:-1]
)
_MOST_SLICES: Final = 24


def slices_part(model: str, summary: EvaluationSummary, thresholds: Mapping[str, Thresholds]) -> Part | None:
    """The main metric on every slice, drawn with its interval and the threshold."""
    metric = main_metric(summary)
    if not summary.slices or not metric:
        return None
    by_feature: dict[str, list[SliceSummary]] = defaultdict(list)
    for found in summary.slices:
        by_feature[found.name.partition("=")[0]].append(found)
    drawn = [
        _dots(model, feature, metric, shown, summary, thresholds.get(metric))
        for feature, slices in by_feature.items()
        if (shown := [found for found in slices if found.user_count >= LEAST_USERS][:_MOST_SLICES])
    ]
    worst = max if metric in _ERRORS else min
    large = [found for found in summary.slices if found.user_count >= LEAST_USERS] or list(summary.slices)
    weakest = worst(large, key=lambda found: found.model[metric].value)
    return Part(
        f"{model}-slices",
        f"{model.capitalize()}: slices",
        answer=f"Weakest slice of at least {LEAST_USERS} users by {metric}: {weakest.name} "
        f"({weakest.model[metric].value:.4f}, {weakest.user_count:,} users).",
        text=(_what_blocks(thresholds.get(metric), reference_name(summary)),),
        charts=tuple(drawn),
        tables=(_slice_table(model, summary),),
    )


def _what_blocks(threshold: Thresholds | None, reference: str) -> str:
    line = "The threshold that is drawn stands for all rows together"
    if threshold is None or threshold.behind_in_slices is None:
        return f"{line}; a slice that misses it blocks nothing."
    return (
        f"{line}. A slice with enough users blocks the push where the model is, with 95 % confidence, more "
        f"than {threshold.behind_in_slices:g} behind {reference} or the served version."
    )


def _dots(
    model: str,
    feature: str,
    metric: str,
    slices: Sequence[SliceSummary],
    summary: EvaluationSummary,
    threshold: Thresholds | None,
) -> Chart:
    chart_id = f"{model}-slices-{feature.replace('_', '-')}"
    any_served = any(metric in found.served for found in slices)
    drawing, axes = plots.new_figure(height=70 + 26 * len(slices))
    for role, marker, shift, label, measures in (
        (palette.MODEL, "o", -0.15, model, [found.model for found in slices]),
        (palette.REFERENCE, "s", 0.15, reference_name(summary), [found.reference for found in slices]),
        *([(palette.SERVED, "^", 0.0, "served", [found.served for found in slices])] if any_served else []),
    ):
        _draw_dots(axes, [found.get(metric) for found in measures], role, marker, shift, label)
    limit = (
        (threshold.at_least if threshold.at_least is not None else threshold.at_most) if threshold else None
    )
    if limit is not None:
        axes.axvline(limit, color=palette.BAD.light, lw=1.5, ls="--", label=f"threshold {limit:g}")
    axes.set_yticks(
        range(len(slices)),
        [plots.shortened(f"{_value_of(found)} ({found.user_count:,})", 24) for found in slices],
    )
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(metric)
    plots.legend_above(axes)
    better = sum(_is_better(found, metric) for found in slices)
    answer = (
        f"The model is ahead of {reference_name(summary)} on {better} of {len(slices)} values of {feature}."
    )
    return Chart(
        chart_id,
        f"{metric} by {feature}",
        answer,
        plots.render(drawing, chart_id),
        f"Dot plot of {metric} with 95 % intervals by {feature}. {answer}"
        + (f" The threshold is drawn at {limit:g}." if limit is not None else ""),
        note=f"Eval split; in brackets the users of a slice. Slices of fewer than {LEAST_USERS} users are "
        "in the table alone.",
    )


def _draw_dots(
    axes: Axes,
    measures: Sequence[Measure | None],
    role: palette.Role,
    marker: str,
    shift: float,
    label: str,
) -> None:
    found = [(place + shift, measure) for place, measure in enumerate(measures) if measure]
    for place, measure in found:
        axes.plot(bounds(measure), [place, place], color=role.light, lw=1.5)
    axes.plot(
        [measure.value for _, measure in found],
        [place for place, _ in found],
        marker,
        color=role.light,
        ms=5,
        label=label,
    )


def _slice_table(model: str, summary: EvaluationSummary) -> Table:
    # The lists of a slice are a part of all lists. The table of all metrics has those, and every length.
    names = [name for name in summary.overall.model if name not in {*metrics.LIST_METRICS, *_IN_BETWEEN}]
    return Table(
        f"{model}-slice-table",
        f"Metrics of the {model} model by slice of the eval split; in brackets those of "
        f"{reference_name(summary)}.",
        (
            Column("slice"),
            Column("users"),
            Column("ratings"),
            *(column for name in names for column in (Column(name, ".4f"), Column(f"({name})", ".4f"))),
        ),
        tuple(
            (
                found.name,
                found.user_count,
                found.example_count,
                *(
                    side[name].value if name in side else None
                    for name in names
                    for side in (found.model, found.reference)
                ),
            )
            for found in (summary.overall, *summary.slices)
        ),
        filterable=True,
    )


def _value_of(found: SliceSummary) -> str:
    return found.name.partition("=")[2].removesuffix(".0")


def _is_better(found: SliceSummary, metric: str) -> bool:
    if metric not in found.over_reference:
        return False
    difference = found.over_reference[metric].value
    return difference < 0 if metric in _ERRORS else difference > 0
