"""The section *Overview*: the list that users get, what was decided, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from contracts import metrics
from contracts.signatures import JOINT, RECOMMENDER
from reports.data import gate
from reports.models import probe
from reports.models.evaluation import REFERENCES, interval, main_metric
from reports.models.section import outcome
from reports.reading.evaluation_results import EvaluationSummary, Measure, read_metrics
from reports.reading.run_data import Run
from reports.reading.trained_models import TrainedModel, trained_models, verdict_of
from reports.section import Column, Fact, Part, Section, Table
from reports.verdict import Verdict, worst

# Of the final list, what people see of it first.
_METRICS: Final = (metrics.RECALL_AT[10], metrics.LIKED_RECALL, metrics.GRADED_NDCG, metrics.DISLIKED_HITS)
_FINAL_LIST: Final = "final list"
_SERVED: Final = "served before"


def overview_section(run: Run) -> Section:
    """What a reader needs before anything else: how good the lists are, and whether they are served."""
    models = [(model, _summary(model)) for model in trained_models(run)]
    lists = next(
        (summary for model, summary in models if summary and model.name in (RECOMMENDER, JOINT)), None
    )
    decisions = tuple(_decisions(run, models))
    parts = [Part("overview-decisions", "Decisions", facts=decisions)]
    values: dict[str, Any] = {}
    if lists is not None and lists.overall.orders:
        parts.insert(0, _list_part(lists))
        values = {
            name: {metric: measures[metric].value for metric in _METRICS if metric in measures}
            for name, measures in _lists(lists).items()
        }
    parts.append(_next_part(run))
    verdicts = [fact.verdict for fact in decisions if fact.verdict]
    return Section(
        id="overview",
        title="Overview",
        answer=f"The run failed: {run.failure}" if run.failure else _answer(models),
        parts=tuple(parts),
        verdict=Verdict.FAILED if run.failure else worst(verdicts) if verdicts else None,
        metrics={"lists": values},
    )


def _summary(model: TrainedModel) -> EvaluationSummary | None:
    return read_metrics(str(model.evaluation)) if model.evaluation else None


def _answer(models: list[tuple[TrainedModel, EvaluationSummary | None]]) -> str:
    pushed = [f"{model.name} {model.pushed}" for model, _ in models if model.pushed]
    return f"Pushed: {', '.join(pushed)}." if pushed else "Nothing was pushed."


def _decisions(run: Run, models: list[tuple[TrainedModel, EvaluationSummary | None]]) -> Iterator[Fact]:
    record = gate.read_record(run)
    if record is not None:
        part = gate.gate_part(*record)
        yield Fact("Data gate", part.answer, part.verdict)
    for model, summary in models:
        record_of_probe = probe.read_record(model.blessing) if model.blessing else None
        text = outcome(model, summary, record_of_probe)
        if summary is None:
            yield Fact(model.name.capitalize(), text)
            continue
        metric = main_metric(summary)
        measured, reference = (
            each.get(metric) for each in (summary.overall.model, summary.overall.reference)
        )
        if measured and reference:
            text += f"; {metric} {measured.value:.4f} ({REFERENCES[metric]} {reference.value:.4f})"
        blessed = summary.blessed and (record_of_probe is None or record_of_probe["blessed"])
        yield Fact(model.name.capitalize(), text, verdict_of(blessed))


def _list_part(summary: EvaluationSummary) -> Part:
    overall = summary.overall
    lists = _lists(summary)
    compared = next(iter(overall.orders))
    columns = [Column("metric"), *(Column(name, ".4f") for name in lists)]
    columns.append(Column(f"{_FINAL_LIST} minus {compared}", note="The same users are drawn for both"))
    rows = []
    for metric in _METRICS:
        values = [found.value if (found := measures.get(metric)) else None for measures in lists.values()]
        difference = overall.over_orders[compared].get(metric)
        rows.append((metric, *values, _with_interval(difference) if difference else None))
    return Part(
        "overview-list",
        "The list that users get",
        answer=_compared(summary),
        tables=(
            Table(
                "overview-list-table",
                "The final list and the same candidates in other orders, on "
                f"{overall.example_count:,} ratings of {overall.user_count:,} users of the eval split. "
                "Intervals are of 95 %, from resampled users.",
                tuple(columns),
                tuple(rows),
            ),
        ),
        verdict=verdict_of(summary.blessed),
    )


def _lists(summary: EvaluationSummary) -> dict[str, Mapping[str, Measure]]:
    """The metrics of each list, by what it is called; the final one comes first."""
    overall = summary.overall
    popularity = {REFERENCES[metrics.RECALL_AT[10]]: overall.reference}
    served = {_SERVED: overall.served} if overall.served else {}
    return {_FINAL_LIST: overall.model, **overall.orders, **popularity, **served}


def _with_interval(difference: Measure) -> str:
    bounds = interval(difference, "+")
    return f"{difference.value:+.4f} ({bounds})" if bounds else f"{difference.value:+.4f}"


def _compared(summary: EvaluationSummary) -> str:
    metric = metrics.RECALL_AT[10]
    found = [f"{name} {of[metric].value:.4f}" for name, of in _lists(summary).items() if metric in of]
    return f"{metric}: {', '.join(found)}."


def _next_part(run: Run) -> Part:
    output = f"--output={run.output}"
    commands = {
        "Serve the models": ["python", "-m", "serving", "serve", f"--models={run.output / 'serving'}"],
        "See the versions": ["python", "-m", "pipeline", "versions", output],
    }
    if run.previous:
        compared = ["python", "-m", "reports", "compare", run.previous.id, run.id, output]
        commands["Compare with the run before"] = compared
    return Part(
        "overview-next",
        "Next",
        facts=tuple(Fact(name, shlex.join(command)) for name, command in commands.items()),
    )
