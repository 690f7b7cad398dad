"""The joint models: specialists, both tasks at once, and what that costs beside models of one task.

Lists are read twice. By the protocol of TFRS's tutorials: top-k accuracy over the ratings of the eval split,
movies of the train split in the list, ties counted as found (`FactorizedTopK`, `tf.math.in_top_k`). And by
id: the same accuracy with ties in random order, and recall and NDCG over users, movies of the train split
left out. Some settings try to make the towers collapse, as those of the study `collapse` do.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.tables import markdown
from contracts.metrics import MAE, NDCG_AT, RECALL_AT, RMSE
from pipeline.config import load_config
from studies import our_models, plots, tables
from studies.cells import Cell
from studies.data.splits import SPLITS
from studies.harness import Harness
from studies.results import Row, does
from studies.tasks import ACCURACY_LENGTHS, BY_ID, BY_SCORE, JOINT, RANKING, RETRIEVAL, TIED, Task

SUMMARY: Final = "joint models and specialists: accuracy by score and by id, recall, NDCG, RMSE"
EPILOG: Final = """\
The joint models are the presets in pipeline/configs/presets that have `model: joint`.

examples:
  python -m studies multitask --data-dir data/ml-100k --seeds 42 43 44
  python -m studies multitask --split temporal
"""

# Whose models of one task are shown beside the joint ones: the strongest for a random split are among them.
_ALONE: Final[Mapping[Task, Sequence[str]]] = {
    RETRIEVAL: (our_models.DEFAULT, "best_random"),
    RANKING: (our_models.DEFAULT, "best_single"),
}
# What is tried to make towers collapse: a preset and what differs from it. At this rate, towers that end in a
# ReLU die. The penalties make small all that they reach, beside what they do not: biases and popularity.
_COLLAPSES: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "learning rate 0.4": ("study_joint", ["ranking.learning_rate=0.4"]),
    "L2 penalty 1e12": (
        "study_joint",
        [
            *(f"retrieval.{name}=1e12" for name in ("l2", "user_l2", "history_l2")),
            "retrieval.sequence_length=0",
            "ranking.l2=1e12",
        ],
    ),
}
_WHY_NOT: Final = """\
The last rows try to make the towers collapse. Neither tower ends in a ReLU, so a large learning rate makes
lists bad and no scores equal. A penalty leaves biases and popularity, which still order the movies.
`share tied` is that of the ratings whose movie scores exactly as another one: as long as it is small,
accuracy reads the same by score and by id. Where all scores tie, it reads 1 by score and chance by id:
`python -m studies collapse`."""

# Metrics that models are compared by: the task, the metric, and whether more is better.
_COMPARED: Final[Sequence[tuple[Task, str, bool]]] = (
    (RETRIEVAL, NDCG_AT[10], True),
    (RETRIEVAL, RECALL_AT[10], True),
    (RANKING, RMSE, False),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this study."""
    parser.add_argument("--split", choices=[*SPLITS], default="random", help="default: random")
    parser.add_argument("--seeds", nargs="+", type=int, default=[42], help="of fits (default: 42)")


def cells(options: argparse.Namespace) -> list[Cell]:
    """One for each model and seed, seed by seed, so that a study cut short still compares."""
    configurations = our_models.configurations(options.split)
    alone = [
        model
        for task, names in _ALONE.items()
        for model in our_models.distinct_models({name: configurations[name] for name in names})
        if model[1] == task
    ]
    joint = [model for model in our_models.distinct_models(configurations) if model[1] == JOINT]
    models = [*joint, *alone, *_collapses()]
    return [cell for seed in options.seeds for cell in our_models.cells_of(models, [options.split], [seed])]


def _collapses() -> list[tuple[str, Task, dict[str, Any]]]:
    configs = {
        f"{preset}, {name}": load_config(preset=preset, overrides=overrides)
        for name, (preset, overrides) in _COLLAPSES.items()
    }
    return [model for model in our_models.distinct_models(configs) if model[1] == JOINT]


def run(options: argparse.Namespace, harness: Harness) -> str:
    """Measures, writes tables and plots, and returns the tables."""
    return report(harness.run(cells(options)), harness.folder)


def report(rows: Sequence[Row], folder: Path) -> str:
    """Writes `results.md` and the plots of finished cells; returns the tables as Markdown."""
    title = f"{rows[0]['data']}, split {rows[0]['split']}"
    groups = tables.by_model(rows)
    accuracies = {name: group for name, group in groups.items() if group[0]["task"] == JOINT}
    for k in ACCURACY_LENGTHS:
        readings = {
            name: {names[k]: tables.mean(group, names[k]) for names in (BY_SCORE, BY_ID)}
            for name, group in accuracies.items()
        }
        plots.readings(folder / f"accuracy-{k}.svg", readings, unit=f"top-{k} accuracy, {title}")
    tried = {name for name, _, _ in _collapses()}
    healthy = {name: group for name, group in groups.items() if name not in tried}
    for task, metric, _ in _COMPARED:
        plots.intervals(
            folder / f"{metric.replace('@', '-')}.svg",
            {
                name: [float(row[metric]) for row in group]
                for name, group in healthy.items()
                if does(group[0], task)
            },
            unit=f"{metric}, {title}",
        )
    parts = [
        (f"Joint models, {title}", f"{_metrics(groups)}\n\n{_WHY_NOT}"),
        (f"How far behind, {title}", _behind(healthy)),
    ]
    tables.write_page(folder / "results.md", "Joint models", parts)
    return (folder / "results.md").read_text(encoding="utf-8")


def _metrics(groups: Mapping[str, Sequence[Row]]) -> str:
    metrics = [
        *(names[k] for k in ACCURACY_LENGTHS for names in (BY_SCORE, BY_ID)),
        *(TIED, RECALL_AT[10], RECALL_AT[100], NDCG_AT[10], RMSE, MAE),
    ]
    body = [
        [
            name,
            str(len(group)),
            *(tables.mean_and_deviation(group, metric) for metric in metrics),
            f"{tables.mean(group, 'fit_seconds'):,.0f}",
        ]
        for name, group in groups.items()
    ]
    return markdown(["model", "seeds", *metrics, "fit, s"], body)


def _behind(groups: Mapping[str, Sequence[Row]]) -> str:
    """Joint models beside the best specialist and beside the model of one task, metric by metric."""
    header = ["model"]
    columns = []
    for task, metric, rises in _COMPARED:
        means = {name: tables.mean(group, metric) for name, group in groups.items() if does(group[0], task)}
        best = max if rises else min
        for rival, found in (
            ("best specialist", [means[name] for name in means if _is_specialist(groups[name][0])]),
            ("on its own", [means[name] for name in means if groups[name][0]["task"] == task]),
        ):
            header.append(f"{metric}, {rival}")
            columns.append({name: behind(means[name], best(found), rises) for name in means} if found else {})
    body = [
        [name, *(f"{100 * column[name]:.1f} %" if name in column else "-" for column in columns)]
        for name, group in groups.items()
        if group[0]["task"] == JOINT
    ]
    summary = (
        "In percent of what the best specialist has, a joint model that is trained for that task alone, and"
        " of what the best of our models of one task has on its own; below 0 is ahead. A dash: not trained"
        " for it."
    )
    return f"{summary}\n\n{markdown(header, body)}"


def behind(metric: float, best: float, rises: bool) -> float:
    """The share of `best` by which a metric is worse, below 0 where it is better."""
    return (best - metric if rises else metric - best) / best


def _is_specialist(row: Row) -> bool:
    return row["task"] == JOINT and not (does(row, RETRIEVAL) and does(row, RANKING))
