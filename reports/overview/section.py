"""The section *Overview*: the list that users get, what was decided, and what to do next."""

from __future__ import annotations

import itertools
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from contracts import metrics
from contracts.signatures import JOINT, RECOMMENDER
from reports.data import gate
from reports.eda.text import listed
from reports.models import probe
from reports.models.evaluation import REFERENCES, estimate, main_metric
from reports.models.section import outcome
from reports.overview.changes import changes_part
from reports.reading.evaluation_results import EvaluationSummary, Measure, read_metrics
from reports.reading.run_data import Run
from reports.reading.trained_models import TrainedModel, trained_models, verdict_of
from reports.section import Cell, Column, Fact, Part, Section, Table
from reports.verdict import Verdict, worst

# Of the final list, what people see of it first.
_METRICS: Final = (metrics.RECALL_AT[10], metrics.LIKED_RECALL, metrics.GRADED_NDCG, metrics.DISLIKED_HITS)
_FINAL_LIST: Final = "final list"
_SERVED: Final = "served before"
# More than a reader tries.
_COMMANDS: Final = 3


def overview_section(run: Run) -> Section:
    """What a reader needs before anything else: how good the lists are, and whether they are served."""
    models = [(model, _summary(model)) for model in trained_models(run)]
    lists = next(
        (summary for model, summary in models if summary and model.name in (RECOMMENDER, JOINT)), None
    )
    decisions = tuple(_decisions(run, models))
    parts = [
        Part("overview-decisions", "Decisions", facts=decisions),
        changes_part(run, lists),
        _next_part(run),
    ]
    values: dict[str, Any] = {}
    if lists is not None:
        parts.insert(0, _list_part(lists))
        values = {
            name: {metric: measures[metric].value for metric in _METRICS if metric in measures}
            for name, measures in _lists(lists).items()
        }
    verdicts = [fact.verdict for fact in decisions if fact.verdict]
    return Section(
        id="overview",
        title="Overview",
        answer=f"The run failed: {run.failure}" if run.failure else _answer(models),
        parts=tuple(parts),
        verdict=Verdict.FAILED if run.failure else worst(verdicts) if verdicts else None,
        metrics={"lists": values},
        side_by_side=True,
    )


def _summary(model: TrainedModel) -> EvaluationSummary | None:
    return read_metrics(str(model.evaluation)) if model.evaluation else None


def _answer(models: list[tuple[TrainedModel, EvaluationSummary | None]]) -> str:
    versions: defaultdict[str, list[str]] = defaultdict(list)
    for model, _ in models:
        if model.pushed:
            versions[model.pushed].append(model.name)
    pushed = [f"version {version} of {listed(names)}" for version, names in versions.items()]
    return f"Pushed: {'; '.join(pushed)}." if pushed else "Nothing was pushed."


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
    rows: list[tuple[Cell, ...]] = [
        (name, *(estimate(measures[metric]) if metric in measures else None for metric in _METRICS))
        for name, measures in lists.items()
    ]
    # The order of retrieval comes first of the orders; the final list has to keep up with it.
    differences = dict(itertools.islice(overall.over_orders.items(), 1))
    if overall.served:
        differences[_SERVED] = overall.over_served
    rows += [
        (
            f"minus {name}",
            *(estimate(measures[metric], signed=True) if metric in measures else None for metric in _METRICS),
        )
        for name, measures in differences.items()
    ]
    return Part(
        "overview-list",
        "The list that users get",
        tables=(
            Table(
                "overview-list-table",
                "The final list, the same candidates in other orders, popularity"
                + (" and what was served before" if overall.served else "")
                + f", on {overall.example_count:,} ratings of {overall.user_count:,} users of the "
                "eval split, with intervals of 95 %.",
                (Column("list"), *(Column(metric, ".4f") for metric in _METRICS)),
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


def _next_part(run: Run) -> Part:
    output = f"--output={run.output}"
    refused = gate.read_record(run)
    commands = {
        "Serve the models": ["python", "-m", "serving", "serve", f"--models={run.output / 'serving'}"],
        "See the versions": ["python", "-m", "pipeline", "versions", output],
    }
    if refused and not refused[0]["accepted"]:
        accepted = ["python", "-m", "pipeline", "gate", "accept", str(refused[1]), "--reason", "WHY"]
        commands = {"Accept the data, if it is as it should be": accepted, **commands}
    if run.previous:
        compared = ["python", "-m", "reports", "compare", run.previous.id, run.id, output]
        commands["Compare with the run before"] = compared
    else:
        commands["Index of the runs"] = ["python", "-m", "reports", "index", output]
    shown = list(commands.items())[:_COMMANDS]
    return Part(
        "overview-next",
        "Next",
        facts=tuple(Fact(name, shlex.join(command), command=True) for name, command in shown),
    )
