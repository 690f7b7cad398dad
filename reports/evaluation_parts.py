"""How a model was judged: its metrics beside its baseline, and the bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from reports import charts, palette
from reports.evaluation_results import Bar, EvaluationSummary, Measure
from reports.section import Cell, Chart, Column, Part, Table
from reports.verdict import Verdict
from trainer_module import features

# What to call the baseline, by the main metric of its model.
_RANKING, _RETRIEVAL = features.RMSE, features.RECALL_AT[10]
BASELINES: Final = {_RANKING: "damped biases", _RETRIEVAL: "popularity"}


def main_metric(summary: EvaluationSummary) -> str:
    """The metric that a model is first judged by."""
    found = (_RETRIEVAL, _RANKING)
    return next(
        (name for name in found if name in summary.overall.model), next(iter(summary.overall.model), "")
    )


def baseline_name(summary: EvaluationSummary) -> str:
    """What the baseline of a model is called; those of both tasks for a joint model."""
    names = [name for metric, name in BASELINES.items() if metric in summary.overall.model]
    return " and ".join(names) or "baseline"


def judged_on(summary: EvaluationSummary) -> str:
    """The size of the eval split."""
    return (
        f"{summary.overall.example_count:,} ratings of {summary.overall.user_count:,} users of the eval split"
    )


def metrics_part(
    model: str, summary: EvaluationSummary, bars: Mapping[str, Bar], before: EvaluationSummary | None
) -> Part:
    """Every metric over all evaluated rows, with its bar.

    Args:
      model: its name.
      summary: what its Evaluator found.
      bars: of its metrics.
      before: what the Evaluator found of the model that was served before, None if there was none.
    """
    overall, baseline = summary.overall, baseline_name(summary)
    columns = [
        Column("metric"),
        Column("verdict"),
        Column("bar"),
        Column("model", ".4f"),
        Column("its 95 % interval"),
        Column(baseline, ".4f"),
        Column("its 95 % interval"),
        Column("difference", "+.4f", note="Model minus baseline"),
        Column("its 95 % interval", note="The same users are drawn for both"),
    ]
    if before:
        columns += [
            Column("served before", ".4f", note="The model pushed last, on the eval split of its own run"),
            Column("its 95 % interval"),
        ]
    rows: list[tuple[Cell, ...]] = []
    for name, measure in overall.model.items():
        beside, difference, bar = overall.baseline.get(name), overall.difference.get(name), bars.get(name)
        row: list[Cell] = [name, _verdict(measure.value, difference, bar), _bar(bar)]
        for found in (measure, beside):
            row += [found.value if found else None, interval(found) if found else None]
        row += [difference.value if difference else None, interval(difference, "+") if difference else None]
        if before:
            served = before.overall.model.get(name)
            row += [served.value, interval(served)] if served else [None, None]
        rows.append(tuple(row))
    drawn = [_at_lengths(model, summary, before, names, title) for names, title in _LENGTHS.items()]
    return Part(
        f"{model}-metrics",
        f"{model.capitalize()}: metrics",
        answer=_judged(summary),
        text=summary.reasons,
        verdict=Verdict.PASSED if summary.blessed else Verdict.FAILED,
        charts=tuple(chart for chart in drawn if chart),
        tables=(
            Table(
                f"{model}-metric-table",
                f"The {model} model and its baseline ({baseline}) on {judged_on(summary)}. Intervals are "
                "from resampled users.",
                tuple(columns),
                tuple(rows),
            ),
        ),
    )


_LENGTHS: Final = {
    tuple(features.RECALL_AT.items()): "recall",
    tuple(features.NDCG_AT.items()): "NDCG",
}


def _judged(summary: EvaluationSummary) -> str:
    name, baseline = main_metric(summary), baseline_name(summary)
    measure, beside = summary.overall.model.get(name), summary.overall.baseline.get(name)
    if measure is None:
        return "The Evaluator has measured nothing."
    against = f", {baseline} {beside.value:.4f}" if beside else ""
    outcome = "The model cleared every bar" if summary.blessed else "The model was not blessed"
    return f"{outcome}: {name} {measure.value:.4f}{against}, on {judged_on(summary)}."


def _at_lengths(
    model: str,
    summary: EvaluationSummary,
    before: EvaluationSummary | None,
    names: Sequence[tuple[int, str]],
    title: str,
) -> Chart | None:
    overall = summary.overall
    found = [(k, name) for k, name in names if name in overall.model]
    if not found:
        return None
    chart_id, baseline = f"{model}-{title.lower()}-at-k", baseline_name(summary)
    drawing, axes = charts.new_figure()
    lengths = [k for k, _ in found]
    for label, measures, role, style, marker in (
        (model, overall.model, palette.MODEL, "-", "o"),
        (baseline, overall.baseline, palette.BASELINE, "--", "s"),
        ("served before", before.overall.model if before else {}, palette.SERVED, ":", "^"),
    ):
        if all(name in measures for _, name in found):
            values = [measures[name].value for _, name in found]
            axes.plot(lengths, values, style, marker=marker, ms=4, color=role.light, label=label)
            lower, upper = zip(*(bounds(measures[name]) for _, name in found), strict=True)
            axes.fill_between(lengths, lower, upper, color=role.light, alpha=0.2, lw=0)
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks(lengths, [str(k) for k in lengths])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("length of the list, K")
    axes.set_ylabel(f"{title}@K")
    charts.legend_above(axes)
    beside = overall.baseline
    told = ", ".join(
        f"{overall.model[name].value:.3f}"
        + (f" against {beside[name].value:.3f}" if name in beside else "")
        + f" at {k}"
        for k, name in found
    )
    return Chart(
        chart_id,
        f"How good are lists of different lengths by {title}?",
        f"{title}@K of the model against {baseline}: {told}.",
        charts.render(drawing, chart_id),
        f"Line chart of {title} at K for the {model} model and {baseline}: {told}.",
        note=f"Means over users of the eval split, movies of the training left out; {judged_on(summary)}. "
        "Bands are 95 % intervals.",
    )


def metric_figures(summary: EvaluationSummary) -> dict[str, Any]:
    """What the Evaluator found, for programs."""
    return {
        "blessed": summary.blessed,
        "reasons": list(summary.reasons),
        "users": summary.overall.user_count,
        "ratings": summary.overall.example_count,
        "metrics": {name: _plain(measure) for name, measure in summary.overall.model.items()},
        "baseline": {name: _plain(measure) for name, measure in summary.overall.baseline.items()},
        "slices": {
            found.name: {
                "users": found.user_count,
                **{name: measure.value for name, measure in found.model.items()},
            }
            for found in summary.slices
        },
    }


def _plain(measure: Measure) -> dict[str, float | None]:
    return {"value": measure.value, "lower": measure.lower, "upper": measure.upper}


def bounds(measure: Measure) -> tuple[float, float]:
    """Both ends of the interval; the value itself where there is none."""
    lower = measure.value if measure.lower is None else measure.lower
    return lower, measure.value if measure.upper is None else measure.upper


def interval(measure: Measure, sign: str = "") -> str | None:
    """The 95 % interval in words, None where there is none."""
    if measure.lower is None or measure.upper is None:
        return None
    return f"{measure.lower:{sign}.4f} to {measure.upper:{sign}.4f}"


def _bar(bar: Bar | None) -> str:
    if bar is None:
        return "none"
    told = [f"at least {bar.at_least:g}"] if bar.at_least is not None else []
    told += [f"at most {bar.at_most:g}"] if bar.at_most is not None else []
    told += ["better than the baseline"] if bar.beats_baseline else []
    return ", ".join(told)


def _verdict(value: float, difference: Measure | None, bar: Bar | None) -> Verdict:
    if bar is None:
        return Verdict.NO_BAR
    # NaN reaches no bar, so each is written as what has to hold.
    reached = (bar.at_least is None or value >= bar.at_least) and (
        bar.at_most is None or value <= bar.at_most
    )
    if bar.beats_baseline and difference is not None:
        better = difference.value < 0 if bar.at_most is not None else difference.value > 0
        reached = reached and better
    return Verdict.PASSED if reached else Verdict.FAILED
