"""What is not as in the run before: settings, data, models and the metrics of the list that users get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from contracts import metrics
from contracts.signatures import JOINT, RECOMMENDER
from reports.reading import run_settings
from reports.reading.evaluation_results import EvaluationSummary, read_metrics
from reports.reading.run_data import NodeState, Run
from reports.reading.setting_paths import pairs
from reports.reading.trained_models import trained_models
from reports.section import Fact, Part

# Settings that are named before they are only counted.
_NAMED: Final = 3
_COMPARED: Final = (metrics.RECALL_AT[10], metrics.GRADED_NDCG)


def changes_part(run: Run, summary: EvaluationSummary | None) -> Part:
    """The part of the page.

    Args:
      run: the run.
      summary: what the Evaluator found of its final list, None if it did not get that far.
    """
    title = "Since the run before"
    if run.previous is None:
        return Part("overview-changes", title, answer="This is the first run in its output folder.")
    before = run.previous
    facts = [Fact("Settings", _settings(run, before)), Fact("Data", _data(run, before))]
    if summary:
        facts.append(Fact("Final list", _list(summary, before)))
    done = [node.id for node in run.nodes if node.state is NodeState.DONE]
    reused = sum(node.state is NodeState.CACHED for node in run.nodes)
    facts.append(Fact("Nodes", f"{len(done)} worked, {reused} reused"))
    return Part("overview-changes", title, answer=f"Run {before.id}.", facts=tuple(facts))


def _settings(run: Run, before: Run) -> str:
    changed = [".".join(path) for path, now, then in pairs(run.config, before.config) if now != then]
    if not changed:
        return "the same"
    more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
    return f"{len(changed)} differ: {', '.join(changed[:_NAMED])}{more}"


def _data(run: Run, before: Run) -> str:
    now, then = (_examples(each) for each in (run, before))
    if now is None or then is None:
        return "not known"
    if now == then:
        return "the same Examples"
    return f"other Examples of {run.data_name}" + (
        "" if run.data_name == before.data_name else f" in place of {before.data_name}"
    )


def _examples(run: Run) -> Sequence[int] | None:
    """The ids of the Examples in ML Metadata, which distinguish data; None where the run read none."""
    nodes = [run.node(name) for name in (run_settings.RATINGS_GEN, run_settings.MOVIES_GEN)]
    ids = [found.id for node in nodes if node for found in node.outputs.get(run_settings.EXAMPLES, ())]
    return ids if len(ids) == len(nodes) else None


def _list(summary: EvaluationSummary, before: Run) -> str:
    evaluation = next(
        (model.evaluation for model in trained_models(before) if model.name in (RECOMMENDER, JOINT)), None
    )
    if evaluation is None:
        return "that of the run before was not evaluated"
    now, then = summary.overall.model, read_metrics(str(evaluation)).overall.model
    return ", ".join(
        f"{name} {now[name].value:.4f} (before {then[name].value:.4f})"
        for name in _COMPARED
        if name in now and name in then
    )
