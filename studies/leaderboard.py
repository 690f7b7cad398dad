"""Our models beside the baselines, on the same Examples by the same evaluator."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.tables import markdown
from contracts.metrics import MAE, NDCG_AT, RECALL_AT, RMSE
from studies import our_models, plots, tables
from studies.baselines.registry import BASELINES
from studies.cells import Cell
from studies.data.splits import SPLITS
from studies.harness import Harness
from studies.results import Row, does
from studies.tasks import JOINT, NEW_USERS_NDCG, RANKING, RETRIEVAL

SUMMARY: Final = "our models beside popularity, biases, item-kNN, EASE, iALS, SVD and SVD++"
EPILOG: Final = """\
examples:
  python -m studies leaderboard --data-dir data/ml-100k
  python -m studies leaderboard --splits random last-out --tasks retrieval --seeds 42 43 44
  python -m studies leaderboard --models 'EASE' 'iALS' --splits random
"""

# Only a temporal split has users without a training rating who could be given something else.
_FOR_NEW_USERS: Final = "new users get recent"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this study."""
    splits = [*SPLITS]
    parser.add_argument(
        "--splits", nargs="+", choices=splits, default=splits, metavar="SPLIT", help=f"of {', '.join(splits)}"
    )
    tasks = [RETRIEVAL, RANKING, JOINT]
    parser.add_argument("--tasks", nargs="+", choices=tasks, default=tasks, help="default: all")
    parser.add_argument(
        "--models", nargs="+", metavar="NAME", help="only these rows of the table (default: all)"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[42], help="of fits (default: 42)")


def cells(options: argparse.Namespace) -> list[Cell]:
    """What the flags select, cheap rows first."""
    baselines = [
        Cell(split, name, spec.task, seed)
        for name, spec in BASELINES.items()
        for split in options.splits
        for seed in (options.seeds if spec.seeded else options.seeds[:1])
        if _FOR_NEW_USERS not in name or split == "temporal"
    ]
    models = [
        cell
        for split in options.splits
        for cell in our_models.cells_of(
            our_models.distinct_models(our_models.configurations(split)), [split], options.seeds
        )
    ]
    wanted = [cell for cell in (*baselines, *models) if cell.task in options.tasks]
    if options.models is not None:
        names = dict.fromkeys(cell.model for cell in wanted)
        for name in options.models:
            if name not in names:
                raise argparse.ArgumentTypeError(f"there is no row {name!r}: choose among {', '.join(names)}")
        wanted = [cell for cell in wanted if cell.model in options.models]
    return wanted


def run(options: argparse.Namespace, harness: Harness) -> str:
    """Measures, writes tables and plots, and returns the tables."""
    rows = harness.run(cells(options))
    return report(rows, harness.folder)


def report(rows: Sequence[Row], folder: Path) -> str:
    """Writes `results.md` and the plots of finished cells; returns the tables as Markdown."""
    retrieval = [row for row in rows if does(row, RETRIEVAL)]
    ranking = [row for row in rows if does(row, RANKING)]
    parts = []
    for split in dict.fromkeys(row["split"] for row in retrieval):
        of_split = [row for row in retrieval if row["split"] == split]
        parts.append((f"Retrieval, {_where(of_split)}", _retrieval_table(of_split)))
        metrics = {name: tables.mean(group, NDCG_AT[10]) for name, group in tables.by_model(of_split).items()}
        plots.bars(folder / f"retrieval-{split}.svg", _best_first(metrics, 1), unit=f"NDCG@10, {split}")
        costs = {
            name: (max(tables.mean(group, "fit_seconds"), 1e-3), tables.mean(group, NDCG_AT[10]))
            for name, group in tables.by_model(of_split).items()
        }
        plots.scatter(
            folder / f"retrieval-cost-{split}.svg", costs, x="seconds to fit", y=f"NDCG@10, {split}"
        )
    if ranking:
        data = ranking[0]["data"]
        parts.append((f"Ratings: RMSE in stars on the eval split, {data}", _rating_table(ranking)))
        for split in dict.fromkeys(row["split"] for row in ranking):
            of_split = [row for row in ranking if row["split"] == split]
            parts.append((f"Ratings, {_where(of_split)}", _rating_costs(of_split)))
            metrics = {name: tables.mean(group, RMSE) for name, group in tables.by_model(of_split).items()}
            plots.bars(folder / f"ratings-{split}.svg", _best_first(metrics, -1), unit=f"RMSE, {split}")
    tuned = [row for row in rows if float(row["tuning_seconds"]) > 0]
    if tuned:
        parts.append(("What tuning chose on the train split", _tuned_table(tuned)))
    tables.write_page(folder / "results.md", "Leaderboard", parts)
    return (folder / "results.md").read_text(encoding="utf-8")


def _where(rows: Sequence[Row]) -> str:
    return f"{rows[0]['data']}, split {rows[0]['split']}"


def _best_first(metrics: dict[str, float], sign: int) -> dict[str, float]:
    return dict(sorted(metrics.items(), key=lambda item: -sign * item[1]))


def _costs(rows: Sequence[Row]) -> list[str]:
    return [
        f"{tables.mean(rows, 'tuning_seconds'):,.1f}",
        f"{tables.mean(rows, 'fit_seconds'):,.2f}",
        f"{tables.mean(rows, 'per_second'):,.0f}",
        f"{tables.mean(rows, 'peak_mb'):,.0f}",
    ]


def _retrieval_table(rows: Sequence[Row]) -> str:
    metrics = [NDCG_AT[10], RECALL_AT[10], RECALL_AT[100]]
    if any(row[NEW_USERS_NDCG] for row in rows):
        metrics.append(NEW_USERS_NDCG)
    header = ["model", "seeds", *metrics, "tuning, s", "fit, s", "users/s", "peak MB"]
    groups = tables.by_model(rows)
    ordered = _best_first({name: tables.mean(group, NDCG_AT[10]) for name, group in groups.items()}, 1)
    return markdown(
        header,
        [
            [
                name,
                str(len(groups[name])),
                *(tables.mean_and_deviation(groups[name], metric) for metric in metrics),
                *_costs(groups[name]),
            ]
            for name in ordered
        ],
    )


def _rating_table(rows: Sequence[Row]) -> str:
    splits = [split for split in SPLITS if split not in tables.FOLD_NAMES[1:]]
    shown = [split for split in splits if any(row["split"] == split for row in rows)]
    folds = any(tables.fold_means(group, RMSE) for group in tables.by_model(rows).values())
    body = []
    for name, group in tables.by_model(rows).items():
        metrics = [
            tables.mean_and_deviation([row for row in group if row["split"] == split], RMSE)
            for split in shown
        ]
        if folds:
            metrics.append(tables.mean_and_deviation(tables.fold_means(group, RMSE), RMSE))
        body.append([name, *metrics])
    return markdown(["model", *shown, *([tables.FOLDS] if folds else [])], body)


def _rating_costs(rows: Iterable[Row]) -> str:
    header = ["model", "seeds", RMSE, MAE, "tuning, s", "fit, s", "ratings/s", "peak MB"]
    groups = tables.by_model(rows)
    ordered = _best_first({name: tables.mean(group, RMSE) for name, group in groups.items()}, -1)
    return markdown(
        header,
        [
            [
                name,
                str(len(groups[name])),
                *(tables.mean_and_deviation(groups[name], metric) for metric in (RMSE, MAE)),
                *_costs(groups[name]),
            ]
            for name in ordered
        ],
    )


def _tuned_table(rows: Iterable[Row]) -> str:
    return markdown(
        ["model", "split", "seed", "settings"],
        [[row["model"], row["split"], row["seed"], tables.chosen(row)] for row in rows],
    )
