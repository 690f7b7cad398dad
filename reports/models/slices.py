"""How a model does on slices of the data, and which of them can block a push."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from matplotlib.axes import Axes

from contracts import features, metrics
from reports.charts import palette, plots
from reports.eda.text import age_group
from reports.models.evaluation import bounds, estimate, main_metric, reference_name
from reports.reading.evaluation_results import OVERALL, EvaluationSummary, Measure, SliceSummary
from reports.reading.thresholds import Thresholds
from reports.section import Cell, Chart, Column, Part, Table
from reports.verdict import Verdict

# The metrics that the table of slices has beside the main one; the table of all metrics has the others.
_BESIDE: Final = (
    metrics.NDCG_AT[10],
    metrics.LIKED_RECALL,
    metrics.GRADED_NDCG,
    metrics.DISLIKED_HITS,
    metrics.MAE,
)
# Lines of a drawing that a reader can compare; the largest slices are drawn, and the table has all.
_MOST_DRAWN: Final = 40


def slices_part(
    model: str, summary: EvaluationSummary, thresholds: Mapping[str, Thresholds], least_users: int
) -> Part | None:
    """The main metric on every slice, drawn with its interval where the slice has enough users.

    Args:
      model: its name.
      summary: what its Evaluator found.
      thresholds: of its metrics.
      least_users: a slice of fewer users can block nothing, so it is in the table alone.
    """
    metric = main_metric(summary)
    if not summary.slices or not metric:
        return None
    large: dict[str, list[SliceSummary]] = defaultdict(list)
    for found in summary.slices:
        if found.user_count >= least_users:
            large[found.name.partition("=")[0]].append(found)
    blocking = [name for name in summary.failed if name != OVERALL]
    threshold = thresholds.get(metric)
    judged = threshold is not None and threshold.behind_in_slices is not None
    return Part(
        f"{model}-slices",
        f"{model.capitalize()}: slices",
        answer=_weakest(metric, [found for slices in large.values() for found in slices], least_users),
        text=(_what_blocks(threshold, reference_name(summary), least_users),),
        charts=tuple(
            _dots(model, feature, metric, slices, summary, least_users) for feature, slices in large.items()
        ),
        tables=(_slice_table(model, summary, least_users if judged else None),),
        verdict=(Verdict.FAILED if blocking else Verdict.PASSED) if judged else None,
    )


def _weakest(metric: str, slices: Sequence[SliceSummary], least_users: int) -> str:
    if not slices:
        return f"No slice has {least_users:,} users, which a slice needs to be judged."
    worst = max if metric in metrics.LOWER_IS_BETTER else min
    weakest = worst(slices, key=lambda found: found.model[metric].value)
    return (
        f"Weakest slice of at least {least_users:,} users by {metric}: {_in_words(weakest.name)} "
        f"({weakest.model[metric].value:.4f}, {weakest.user_count:,} users)."
    )


def _what_blocks(threshold: Thresholds | None, reference: str, least_users: int) -> str:
    if threshold is None or threshold.behind_in_slices is None:
        return "Slices are shown and block nothing; the thresholds are of all rows together."
    return (
        f"A slice of at least {least_users:,} users blocks the push where the model is, with 95 % "
        f"confidence, more than {threshold.behind_in_slices:g} behind {reference} or the served version. The "
        "other thresholds are of all rows together."
    )


def _dots(
    model: str,
    feature: str,
    metric: str,
    slices: Sequence[SliceSummary],
    summary: EvaluationSummary,
    least_users: int,
) -> Chart:
    chart_id = f"{model}-slices-{feature.replace('_', '-')}"
    smallest = sorted((found.user_count for found in slices), reverse=True)[:_MOST_DRAWN][-1]
    drawn = [found for found in slices if found.user_count >= smallest][:_MOST_DRAWN]
    any_served = any(metric in found.served for found in drawn)
    drawing, axes = plots.new_figure(height=70 + 28 * len(drawn))
    for role, marker, shift, label, measures in (
        (palette.MODEL, "o", -0.15, model, [found.model for found in drawn]),
        (palette.REFERENCE, "s", 0.15, reference_name(summary), [found.reference for found in drawn]),
        *([(palette.SERVED, "^", 0.0, "served", [found.served for found in drawn])] if any_served else []),
    ):
        _draw_dots(axes, [found.get(metric) for found in measures], role, marker, shift, label)
    axes.set_yticks(
        range(len(drawn)),
        [plots.shortened(f"{_value(found.name)} ({found.user_count:,})", 20) for found in drawn],
    )
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(metric)
    plots.legend_above(axes)
    better = sum(_is_better(found, metric) for found in drawn)
    named = feature.replace("_", " ")
    answer = f"The model is ahead of {reference_name(summary)} on {better} of {len(drawn)} values of {named}."
    left_out = f" The {len(drawn)} largest of {len(slices)} are drawn." if len(drawn) < len(slices) else ""
    return Chart(
        chart_id,
        f"{metric} by {named}",
        answer,
        plots.render(drawing, chart_id),
        f"Dot plot of {metric} with 95 % intervals by {named}. {answer}",
        note=f"Eval split; in brackets the users of a slice. Slices of fewer than {least_users:,} users are "
        f"in the table alone.{left_out}",
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


def _slice_table(model: str, summary: EvaluationSummary, least_users: int | None) -> Table:
    """Every slice; with verdicts where `least_users` is the size from which slices are judged."""
    main, reference = main_metric(summary), reference_name(summary)
    others = [name for name in _BESIDE if name in summary.overall.model]
    # Errors are means over ratings, the other metrics over users.
    counts = {"users": "user_count"}
    if main in (metrics.RMSE, metrics.MAE):
        counts["ratings"] = "example_count"
    columns = [Column("slice"), *map(Column, counts), Column(main, ".4f")]
    columns += [Column(f"{main} of {reference}", ".4f"), *(Column(name, ".4f") for name in others)]
    if least_users is not None:
        columns.insert(1, Column("verdict"))
    rows: list[tuple[Cell, ...]] = []
    for found in (summary.overall, *summary.slices):
        row: list[Cell] = [_in_words(found.name), *(getattr(found, name) for name in counts.values())]
        if least_users is not None:
            row.insert(1, _verdict(found, summary, least_users))
        row += [
            estimate(measures[main]) if main in measures else None
            for measures in (found.model, found.reference)
        ]
        row += [found.model[name].value if name in found.model else None for name in others]
        rows.append(tuple(row))
    return Table(
        f"{model}-slice-table",
        f"Metrics of the {model} model by slice of the eval split.",
        tuple(columns),
        tuple(rows),
        filterable=True,
        folded=True,
    )


def _verdict(found: SliceSummary, summary: EvaluationSummary, least_users: int) -> Verdict:
    """How the Evaluator itself judged the slice."""
    if found.name in summary.failed:
        return Verdict.FAILED
    return Verdict.PASSED if found.user_count >= least_users else Verdict.NO_THRESHOLD


def _in_words(name: str) -> str:
    """Such as "user gender: Female", or `overall` as it is."""
    feature, given, _ = name.partition("=")
    return f"{feature.replace('_', ' ')}: {_value(name)}" if given else name


def _value(name: str) -> str:
    feature, _, value = name.partition("=")
    return age_group(float(value)) if feature == features.BUCKETIZED_USER_AGE else value.removesuffix(".0")


def _is_better(found: SliceSummary, metric: str) -> bool:
    if metric not in found.over_reference:
        return False
    difference = found.over_reference[metric].value
    return difference < 0 if metric in metrics.LOWER_IS_BETTER else difference > 0
