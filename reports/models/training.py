"""How a model was trained: its learning curves and hyperparameters."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from matplotlib.ticker import MaxNLocator

from reports.charts import palette, plots
from reports.reading.trained_models import TrainedModel
from reports.section import Chart, Column, Fact, Part, Table

_VALIDATION = "val_"


def training_part(model: TrainedModel) -> Part:
    """Learning curves of a fit, the best epoch marked."""
    fit = model.fit
    title = f"{model.name.capitalize()}: training"
    if not fit:
        return Part(
            f"{model.name}-training",
            title,
            answer=f"{model.trainer.id} has left no learning curves.",
        )
    monitor, best, epochs = fit["monitor"], int(fit["best_epoch"]), len(fit["epochs"]["loss"])
    answer = (
        f"The best of {epochs} epochs is epoch {best}: {monitor} {fit['best']:.4f}. "
        f"The fit took {fit['seconds']:,.0f} s."
    )
    series = {name: values for name, values in fit["epochs"].items() if len(values) == epochs}
    measured = monitor.removeprefix(_VALIDATION)
    metrics = [measured] + ([] if measured == "loss" else ["loss"])
    return Part(
        f"{model.name}-training",
        title,
        answer=answer,
        facts=tuple(
            Fact(name, value if isinstance(value, str) else json.dumps(value))
            for name, value in fit["hyperparameters"].items()
        ),
        charts=tuple(
            _curves(model.name, metric, series, best, _held_out(fit["hyperparameters"])) for metric in metrics
        ),
        tables=(
            Table(
                f"{model.name}-epochs",
                f"Every metric of the {model.name} model's fit by epoch; val_ is on examples cut from the "
                "train split, the others on the training examples, while their epoch went on.",
                (Column("epoch"), *(Column(name, ".4f") for name in series)),
                tuple((epoch + 1, *(values[epoch] for values in series.values())) for epoch in range(epochs)),
                folded=True,
            ),
            *_trials(model, monitor),
        ),
    )


def _trials(model: TrainedModel, monitor: str) -> Iterator[Table]:
    """What the search before the fit has tried, the best first."""
    if not model.trials:
        return
    tried = [name for name in model.trials[0] if name not in ("trial_id", "score")]
    yield Table(
        f"{model.name}-trials",
        f"The trials of the search for the {model.name} model's hyperparameters, the best first; "
        f"{monitor} is on examples cut from the train split.",
        (Column("trial"), Column(monitor, ".4f"), *(Column(name, ".4g") for name in tried)),
        tuple(
            (int(trial["trial_id"]) + 1, trial["score"], *(trial.get(name) for name in tried))
            for trial in model.trials
        ),
    )


def _held_out(hyperparameters: Mapping[str, Any]) -> str:
    """Which ratings of the train split are the validation examples; see `retrieval.validation`."""
    of_retrieval = hyperparameters.get("retrieval", hyperparameters)
    rule = of_retrieval.get("validation", "random")
    share = of_retrieval.get("validation_share")
    return {
        "last": f"the last training rating of each user, of as many users as a share of {share} allows",
        "latest": f"the latest {share} of the train split",
        "random": f"{share} of the train split, chosen by a hash of user and movie",
    }[rule]


def _curves(model: str, metric: str, series: dict[str, list[float]], best: int, held_out: str) -> Chart:
    chart_id = f"{model}-curve-{metric.replace('_', '-')}"
    named = (
        ("training examples", metric, palette.TRAIN),
        ("validation examples", f"val_{metric}", palette.EVAL),
    )
    drawn = [(label, series[name], role) for label, name, role in named if name in series]
    drawing, axes = plots.new_figure()
    for (label, values, role), style in zip(drawn, ("-", "--"), strict=False):
        axes.plot(range(1, len(values) + 1), values, style, marker="o", ms=4, color=role.light, label=label)
    axes.axvline(best, color=palette.MUTED.light, lw=1, ls=":")
    axes.set_xlabel("epoch (dotted: the best)")
    axes.set_ylabel(metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    plots.legend_above(axes)
    summary = ", ".join(f"{label} {values[0]:.4f} to {values[-1]:.4f}" for label, values, _ in drawn)
    return Chart(
        chart_id,
        f"How did {metric} develop?",
        f"From the first epoch to the last: {summary}.",
        plots.render(drawing, chart_id),
        f"Line chart of {metric} by epoch; {summary}. The best epoch is {best}.",
        note=f"Validation examples: {held_out}.",
    )
