"""The section *Card*: a model card of each model (Mitchell et al. 2019, Model Cards for Model Reporting)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from contracts import artifacts, features, metrics
from reports.models.evaluation import estimate, judged_on, main_metric, reference_name
from reports.reading import run_settings
from reports.reading.evaluation_results import EvaluationSummary, read_metrics
from reports.reading.run_data import Artifact, Run
from reports.reading.thresholds import read_thresholds
from reports.reading.trained_models import TrainedModel, trained_models
from reports.section import Column, Fact, Part, Section, Table
from reports.verdict import Verdict

_GROUPLENS: Final = (
    "MovieLens data is GroupLens' own, under its own terms: research use with attribution, no "
    "redistribution without permission, no commercial use without permission, no claim of endorsement "
    "(https://grouplens.org/datasets/movielens/). It is not part of this project, and a model trained on it "
    "carries ids and titles of it. Cite F. Maxwell Harper and Joseph A. Konstan, The MovieLens Datasets: "
    "History and Context, ACM TiiS 5, 4 (2015)."
)
_SYNTHETIC: Final = (
    "The ratings are a synthetic sample that this project makes up: no person is behind them and no licence "
    "binds them. Metrics measured on them show that the pipeline works, and nothing about people or movies."
)

# What each kind of model is for, by the metric it is judged by.
_USES: Final[Mapping[str, tuple[str, str]]] = {
    metrics.RECALL_AT[10]: (
        "Finds, for a user, the movies of the catalogue that the user is likely to watch next, without those "
        "already rated; also movies similar to a movie, and movies for a history of an unknown user.",
        "Two towers (Yi et al. 2019): embeddings of the user with the history and of the movie with its "
        "content; their inner product is the score.",
    ),
    metrics.RMSE: (
        "Predicts how many stars a user will give to a movie, to order candidates that were found before.",
        "DCN-V2 (Wang et al. 2021): embeddings of all features, cross layers and deep layers, on top of a "
        "user bias and a movie bias.",
    ),
}
_OUT_OF_SCOPE: Final = (
    "Not meant for decisions about people, for inferring who somebody is from what they watch, or for users "
    "and movies unlike those of the data."
)


def card_section(run: Run) -> Section:
    """A card for each model of the run, and what holds for all of them."""
    models = list(trained_models(run))
    parts = [_data_part(run)] if models else []
    metrics: dict[str, Any] = {"licence": _licence(run)}
    for model in models:
        summary = read_metrics(str(model.evaluation)) if model.evaluation else None
        parts.append(_card(run, model, summary))
        if summary:
            metrics[model.name] = {
                "measured_on": {"split": features.EVAL_SPLIT, "rule": split_rule(run), "data": run.data_name},
                "ratings": summary.overall.example_count,
                "users": summary.overall.user_count,
                "metrics": {name: measure.value for name, measure in summary.overall.model.items()},
            }
    if models:
        parts.append(_limits_part(run))
    parts.append(Part("card-licence", "Licence of the data", text=(_licence(run),)))
    names = " and ".join(model.name for model in models)
    return Section(
        id="card",
        title="Model card",
        answer=f"What to use {names} for, on what it was measured, and where it ends."
        if models
        else "This run has trained no model; what remains is the licence of its data.",
        parts=tuple(parts),
        metrics=metrics,
    )


def split_rule(run: Run) -> str:
    """How the eval split was made, with the number of an official fold; "unknown" if no node recorded it."""
    data = run.config.get("data")
    if not isinstance(data, Mapping) or "split" not in data:
        return "unknown"
    return f"{data['split']} {data.get('fold', 1)}" if data["split"] == _FOLD else str(data["split"])


_FOLD: Final = "official_fold"
_RULES: Final = {
    "leave_last_out": "the last rating of each user",
    "temporal": "the latest share of all ratings, so most of its users are new",
    "random": "a random share of all ratings",
    _FOLD: "what a fold that the data set ships with tests on",
}


def _data_part(run: Run) -> Part:
    ratings = run.artifact(run_settings.RATINGS_GEN, run_settings.EXAMPLES)
    movies = run.artifact(run_settings.MOVIES_GEN, run_settings.EXAMPLES)
    shown = split_rule(run)
    rule = shown.partition(" ")[0]
    facts = [
        Fact("Data", run.data_name),
        Fact("Eval split", f"{shown}: {_RULES[rule]}" if rule in _RULES else shown),
        *(Fact(name, f"{count:,}") for name, count in _counts(ratings, movies).items()),
    ]
    return Part(
        "card-data",
        "Training and evaluation data",
        text=(
            "Every rating counts as a movie that was watched (retrieval) and as how much it was liked "
            "(ranking). An Example holds what the user had rated before it and nothing that came later. The "
            "eval split is not read while a model is fitted.",
        ),
        facts=tuple(facts),
    )


def _counts(ratings: Artifact | None, movies: Artifact | None) -> dict[str, int]:
    counts = (
        (ratings, artifacts.EXAMPLES_PREFIX + features.TRAIN_SPLIT, "Ratings, train split"),
        (ratings, artifacts.EXAMPLES_PREFIX + features.EVAL_SPLIT, "Ratings, eval split"),
        (ratings, artifacts.USERS_COUNT, "Users"),
        (movies, artifacts.MOVIES_COUNT, "Movies"),
        (ratings, artifacts.ROWS_REJECTED, "Rows rejected"),
    )
    return {
        title: int(artifact.properties[name])
        for artifact, name, title in counts
        if artifact and name in artifact.properties
    }


def _card(run: Run, model: TrainedModel, summary: EvaluationSummary | None) -> Part:
    use, architecture = _USES.get(main_metric(summary) if summary else "", ("", ""))
    facts = [
        Fact("Made by", f"{model.trainer.id} in run {run.id}"),
        Fact("Architecture", architecture or "unknown, because it was not evaluated"),
        Fact("Pushed version", model.pushed or "none"),
    ]
    return Part(
        f"card-{model.name}",
        f"{model.name.capitalize()} model",
        answer=use,
        verdict=(Verdict.PASSED if summary.blessed else Verdict.FAILED) if summary else None,
        text=(_OUT_OF_SCOPE, *(summary.reasons if summary else ("No Evaluator has judged this model.",))),
        facts=tuple(facts),
        tables=(_metrics(run, model, summary),) if summary else (),
    )


def _metrics(run: Run, model: TrainedModel, summary: EvaluationSummary) -> Table:
    # What has a threshold, and what the model is first judged by.
    thresholds = read_thresholds(str(model.evaluation))
    overall = summary.overall
    shown = [name for name in overall.model if name in thresholds or name == main_metric(summary)]
    return Table(
        f"card-{model.name}-metrics",
        f"Measured on {judged_on(summary)} ({split_rule(run)}, {run.data_name}).",
        (
            Column("metric"),
            Column("n, ratings"),
            Column("n, users"),
            Column("value, 95 % interval", ".4f"),
            Column(reference_name(summary), ".4f"),
        ),
        tuple(
            (
                name,
                overall.example_count,
                overall.user_count,
                estimate(overall.model[name]),
                overall.reference[name].value if name in overall.reference else None,
            )
            for name in shown
        ),
    )


def _limits_part(run: Run) -> Part:
    text = [
        "Ratings are of people who chose to rate: what somebody did not rate is unknown, not disliked. "
        "Measured offline, recall is a lower bound, because a good recommendation that nobody rated counts "
        "as a miss.",
        "How much more often popular movies are recommended than watched stands in the section on models. "
        "Slices differ, and small ones have wide intervals.",
        "A user that the models have never seen gets recent popularity until there is a history.",
    ]
    if run.synthetic:
        text.insert(0, _SYNTHETIC)
    return Part("card-limits", "Limits", text=tuple(text))


def _licence(run: Run) -> str:
    return _SYNTHETIC if run.synthetic else _GROUPLENS
