"""How a model was judged: its metrics beside its reference and the served version, and the thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from contracts import metrics, signatures
from reports.charts import palette, plots
from reports.reading.evaluation_results import OVERALL, EvaluationSummary, Measure
from reports.reading.thresholds import Thresholds
from reports.section import Cell, Chart, Column, Estimate, Fact, Part, Table
from reports.verdict import Verdict

# What to call the reference, by the main metric of its model.
_RANKING, _RETRIEVAL = metrics.RMSE, metrics.RECALL_AT[10]
REFERENCES: Final = {_RANKING: "damped biases", _RETRIEVAL: "popularity"}


def main_metric(summary: EvaluationSummary) -> str:
    """The metric that a model is first judged by."""
    found = (_RETRIEVAL, _RANKING)
    return next(
        (name for name in found if name in summary.overall.model), next(iter(summary.overall.model), "")
    )


def reference_name(summary: EvaluationSummary) -> str:
    """What the reference of a model is called; those of both tasks for a joint model."""
    names = [name for metric, name in REFERENCES.items() if metric in summary.overall.model]
    return " and ".join(names) or signatures.REFERENCE


def judged_on(summary: EvaluationSummary) -> str:
    """The size of the eval split."""
    return (
        f"{summary.overall.example_count:,} ratings of {summary.overall.user_count:,} users of the eval split"
    )


def metrics_part(
    model: str,
    summary: EvaluationSummary,
    thresholds: Mapping[str, Thresholds],
    served: str,
    override: str = "",
) -> Part:
    """Every metric over all evaluated rows, with its threshold.

    Args:
      model: its name.
      summary: what its Evaluator found.
      thresholds: of its metrics.
      served: what the model was compared with, and why, as `ServedModel` recorded it; "" if it does not.
      override: why a served version was passed over, "" if none was.
    """
    overall, reference = summary.overall, reference_name(summary)
    columns = [
        Column("metric"),
        Column("verdict"),
        Column("threshold"),
        Column("model", ".4f"),
        Column(reference, ".4f"),
        Column("difference", "+.4f", note=f"Model minus {reference}; the same users are drawn for both"),
    ]
    if overall.served:
        columns += [
            Column("served", ".4f", note="The version that was served, on the same eval split"),
            Column("change", "+.4f", note="Model minus served version; the same users are drawn for both"),
        ]
    rows: list[tuple[Cell, ...]] = []
    for name in overall.model:
        threshold = thresholds.get(name)
        row: list[Cell] = [
            name,
            _verdict(name, summary, threshold),
            threshold.in_words(reference) if threshold else "none",
        ]
        shown = [overall.model, overall.reference, overall.over_reference]
        if overall.served:
            shown += [overall.served, overall.over_served]
        row += [estimate(measures[name]) if name in measures else None for measures in shown]
        rows.append(tuple(row))
    drawn = [_at_lengths(model, summary, names, title) for names, title in _LENGTHS.items()]
    return Part(
        f"{model}-metrics",
        f"{model.capitalize()}: metrics",
        answer=_judged(summary),
        text=(*summary.reasons, *((f"What it was compared with: {served}.",) if served else ())),
        facts=(Fact("Replaced without a comparison", override),) if override else (),
        verdict=Verdict.PASSED if summary.blessed else Verdict.FAILED,
        charts=tuple(chart for chart in drawn if chart),
        tables=(
            Table(
                f"{model}-metric-table",
                f"The {model} model and its reference ({reference}) on {judged_on(summary)}, with intervals "
                "of 95 % from resampled users.",
                tuple(columns),
                tuple(rows),
            ),
        ),
    )


_LENGTHS: Final = {
    tuple(metrics.RECALL_AT.items()): "recall",
    tuple(metrics.NDCG_AT.items()): "NDCG",
}


def _judged(summary: EvaluationSummary) -> str:
    name, overall = main_metric(summary), summary.overall
    measure = overall.model.get(name)
    if measure is None:
        return "The Evaluator has measured nothing."
    against = "".join(
        f", {whose} {measures[name].value:.4f}"
        for whose, measures in (
            (reference_name(summary), overall.reference),
            ("the served version", overall.served),
        )
        if name in measures
    )
    outcome = "The model cleared every threshold" if summary.blessed else "The model was not blessed"
    return f"{outcome}: {name} {measure.value:.4f}{against}, on {judged_on(summary)}."


def _at_lengths(
    model: str,
    summary: EvaluationSummary,
    names: Sequence[tuple[int, str]],
    title: str,
) -> Chart | None:
    overall = summary.overall
    found = [(k, name) for k, name in names if name in overall.model]
    if not found:
        return None
    chart_id, reference = f"{model}-{title.lower()}-at-k", reference_name(summary)
    drawing, axes = plots.new_figure()
    lengths = [k for k, _ in found]
    for label, measures, role, style, marker in (
        (model, overall.model, palette.MODEL, "-", "o"),
        (reference, overall.reference, palette.REFERENCE, "--", "s"),
        ("served", overall.served, palette.SERVED, ":", "^"),
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
    plots.legend_above(axes)
    beside = overall.reference
    texts = ", ".join(
        f"{overall.model[name].value:.3f}"
        + (f" against {beside[name].value:.3f}" if name in beside else "")
        + f" at {k}"
        for k, name in found
    )
    return Chart(
        chart_id,
        f"How good are lists of different lengths by {title}?",
        f"{title}@K of the model against {reference}: {texts}.",
        plots.render(drawing, chart_id),
        f"Line chart of {title} at K for the {model} model and {reference}: {texts}.",
        note=f"Means over users of the eval split, movies of the training left out; {judged_on(summary)}. "
        "Bands are 95 % intervals.",
    )


def evaluation_metrics(
    summary: EvaluationSummary, thresholds: Mapping[str, Thresholds] | None = None
) -> dict[str, Any]:
    """What the Evaluator found and the thresholds over all rows, for programs."""
    reference = reference_name(summary)
    return {
        "blessed": summary.blessed,
        "reasons": list(summary.reasons),
        "users": summary.overall.user_count,
        "ratings": summary.overall.example_count,
        "thresholds": {name: found.in_words(reference) for name, found in (thresholds or {}).items()},
        "limits": {
            name: found.at_least if found.at_least is not None else found.at_most
            for name, found in (thresholds or {}).items()
        },
        "metrics": {name: _plain(measure) for name, measure in summary.overall.model.items()},
        "reference": {name: _plain(measure) for name, measure in summary.overall.reference.items()},
        "served": {name: _plain(measure) for name, measure in summary.overall.served.items()},
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


def estimate(measure: Measure, *, signed: bool = False) -> Estimate:
    """The metric as a cell of a table; `signed` for a difference in a column of metrics."""
    return Estimate(measure.value, measure.lower, measure.upper, signed)


def _verdict(name: str, summary: EvaluationSummary, threshold: Thresholds | None) -> Verdict:
    """How the Evaluator itself judged the metric over all rows."""
    if threshold is None:
        return Verdict.NO_THRESHOLD
    return Verdict.FAILED if name in summary.failed.get(OVERALL, ()) else Verdict.PASSED
