"""The section *Models*: each model of the run, how it was trained and judged, and what it has learned."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from contracts import artifacts, signatures
from reports.models.embedding import embedding_part, read_embeddings
from reports.models.evaluation import evaluation_metrics, metrics_part
from reports.models.lists import LENGTH, MOST_USERS, spread_part
from reports.models.probe import probe_part, read_record
from reports.models.ratings import calibration_part, cross_part
from reports.models.sample_users import sample_users_part
from reports.models.slices import slices_part
from reports.models.training import training_part
from reports.reading import run_settings
from reports.reading.eval_users import sample_users
from reports.reading.evaluated_model import EvaluatedModel
from reports.reading.evaluation_results import EvaluationSummary, read_metrics
from reports.reading.movies import read_movies
from reports.reading.run_data import Run
from reports.reading.thresholds import read_least_slice_users, read_thresholds
from reports.reading.trained_models import TrainedModel, trained_models
from reports.section import Part, Section
from reports.verdict import Verdict, worst

_POPULARITY: Final = "popularity"
_LISTS: Final = (signatures.RECOMMENDER, signatures.JOINT, signatures.RETRIEVAL)


def models_section(run: Run) -> Section:
    """What the run has trained. A run that failed before does not have models, and the section shows that."""
    parts: list[Part] = []
    metrics: dict[str, Any] = {}
    verdicts: list[Verdict] = []
    outcomes: list[str] = []
    models = list(trained_models(run))
    # The last model that makes lists makes those that users get.
    listed = next((name for name in _LISTS if any(model.name == name for model in models)), "")
    embeddings = next((model.embeddings for model in models if model.embeddings), None)
    for model in models:
        summary = read_metrics(str(model.evaluation)) if model.evaluation else None
        if summary is not None:
            verdicts.append(Verdict.PASSED if summary.blessed else Verdict.FAILED)
        probe = read_record(model.blessing) if model.blessing else None
        if probe is not None:
            verdicts.append(Verdict.PASSED if probe["blessed"] else Verdict.FAILED)
        outcomes.append(f"{model.name}: {outcome(model, summary, probe)}")
        of_model: dict[str, Any] = {"pushed": model.pushed, "fit": _fit_metrics(model)}
        parts += _judged(run, model, summary, of_model)
        if probe is not None and model.blessing is not None:
            of_model["probe"] = probe
            parts.append(probe_part(model.name, probe, model.blessing))
        parts.append(training_part(model))
        parts += _answers(run, model, of_model, embeddings if model.name == listed else None)
        metrics[model.name] = of_model
    return Section(
        id="models",
        title="Models",
        answer="; ".join(outcomes) + "." if outcomes else "This run has trained no model.",
        parts=tuple(parts),
        verdict=worst(verdicts) if verdicts else None,
        metrics=metrics,
    )


def outcome(model: TrainedModel, summary: EvaluationSummary | None, probe: dict[str, Any] | None) -> str:
    """What came of a model, in a few words: refused by whom and why, or pushed as which version."""
    if summary is None:
        return "not evaluated, so nothing was pushed"
    if not summary.blessed:
        return f"not blessed ({'; '.join(summary.reasons)})"
    if probe is not None and not probe["blessed"]:
        failed = dict.fromkeys(check["name"] for check in probe["checks"] if check["verdict"] == "failed")
        return f"refused by the probe ({', '.join(failed)})"
    return f"blessed, version {model.pushed} pushed" if model.pushed else "blessed, not pushed"


def _fit_metrics(model: TrainedModel) -> dict[str, Any]:
    kept = ("monitor", "best", "best_epoch", "seconds")
    return {name: model.fit[name] for name in kept if name in model.fit}


def _judged(
    run: Run, model: TrainedModel, summary: EvaluationSummary | None, metrics: dict[str, Any]
) -> Iterator[Part]:
    if summary is None or model.evaluation is None:
        yield Part(
            f"{model.name}-metrics",
            f"{model.name.capitalize()}: metrics",
            answer=f"No Evaluator has judged the model of {model.trainer.id}.",
        )
        return
    thresholds = read_thresholds(str(model.evaluation))
    metrics["evaluation"] = evaluation_metrics(summary, thresholds)
    served = model.served.properties if model.served else {}
    metrics["served"] = {
        name: served.get(name, "") for name in (artifacts.SERVED_VERSION, artifacts.SERVED_OVERRIDE)
    }
    yield metrics_part(
        model.name,
        summary,
        thresholds,
        str(served.get(artifacts.SERVED_SUMMARY, "")),
        str(served.get(artifacts.SERVED_OVERRIDE, "")),
    )
    slices = slices_part(model.name, summary, thresholds, read_least_slice_users(str(model.evaluation)))
    if slices:
        yield slices


def _answers(
    run: Run, model: TrainedModel, metrics: dict[str, Any], embeddings: Path | None
) -> Iterator[Part]:
    """What the model itself answers, where the Examples of the run are still there.

    Args:
      run: the run.
      model: the model.
      metrics: those of the model, which this adds to.
      embeddings: file of the movies' embeddings, of the model whose lists are shown; None of another.
    """
    ratings = run.artifact(run_settings.RATINGS_GEN, run_settings.EXAMPLES)
    catalogue = run.artifact(run_settings.MOVIES_GEN, run_settings.EXAMPLES)
    crossed = cross_part(model)
    if crossed:
        part, metrics["cross_weights"] = crossed
        yield part
    if ratings is None or catalogue is None:
        return
    loaded = EvaluatedModel(model.saved_model)
    users, rows = sample_users(ratings.folder, MOST_USERS)
    if loaded.rates:
        part, metrics["calibration"] = calibration_part(
            model.name, loaded.ratings(ratings.folder, rows), rows
        )
        yield part
    if loaded.ranks:
        movies = read_movies(catalogue.folder)
        serialized = [user.serialized for user in users]
        lists = {
            model.name: loaded.lists(serialized),
            _POPULARITY: loaded.lists(serialized, signatures.REFERENCE_MOVIE_ID),
        }
        if model.embeddings:
            found = read_embeddings(model.embeddings)
            part, metrics["lists"] = spread_part(model.name, users, lists, found.ratings_by_id)
            yield part
            yield embedding_part(model.name, found, movies)
        if embeddings:
            yield sample_users_part(
                model.name,
                users,
                lists[model.name],
                movies,
                read_embeddings(embeddings),
                partial(loaded.scored_lists, length=LENGTH),
                total=len(users) if len(users) < MOST_USERS else None,
            )
