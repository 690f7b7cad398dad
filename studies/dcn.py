"""DCN-V2 as stacked, parallel and low-rank networks beside a plain deep network, over several seeds."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.tables import markdown
from contracts.artifacts import CROSS_WEIGHTS_FILE
from contracts.metrics import MAE, RMSE
from pipeline.config import load_config
from studies import plots, tables
from studies.cells import Cell
from studies.data.splits import SPLITS
from studies.harness import Harness
from studies.results import Row
from studies.tasks import RANKING

SUMMARY: Final = "cross and deep layers: RMSE over seeds, parameters, seconds, weights of the crosses"
EPILOG: Final = """\
examples:
  python -m studies dcn --data-dir data/ml-100k
  python -m studies dcn --ranks 8 32 128 --seeds 1 2 3 --set hidden_units='[192, 192]'
"""

_QUARTER: Final = "low rank, a quarter"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this study."""
    parser.add_argument("--split", choices=[*SPLITS], default="random", help="default: random")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4, 5], help="default: 1 2 3 4 5")
    parser.add_argument(
        "--ranks", nargs="*", type=int, default=[4, 16, 64], metavar="RANK", help="beside a quarter (4 16 64)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="a hyperparameter of all structures, such as epochs=8",
    )


def structures(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The hyperparameters of each structure by its name."""

    def of(*more: str) -> dict[str, Any]:
        overrides = [f"ranking.{text}" for text in (*options.overrides, *more)]
        return load_config(None, overrides).ranking.model_dump(mode="json")

    return {
        "stacked": of("structure=stacked"),
        "parallel": of("structure=parallel"),
        _QUARTER: of("structure=low_rank", "projection_dim=null"),
        **{f"low rank, {rank}": of("structure=low_rank", f"projection_dim={rank}") for rank in options.ranks},
        "DNN": of("structure=dnn"),
    }


def cells(options: argparse.Namespace) -> list[Cell]:
    """One for each structure and seed, seed by seed, so that a study cut short still compares."""
    return [
        Cell(options.split, name, RANKING, seed, settings)
        for seed in options.seeds
        for name, settings in structures(options).items()
    ]


def run(options: argparse.Namespace, harness: Harness) -> str:
    """Measures, writes the table and the plots, and returns the table."""
    wanted = cells(options)
    rows = harness.run(wanted)
    stacked = [harness.cell_folder(cell) for cell in wanted if cell.model == "stacked"]
    return report(rows, [folder / "fit" / "run" / CROSS_WEIGHTS_FILE for folder in stacked], harness.folder)


def report(rows: Sequence[Row], cross_weights: Sequence[Path], folder: Path) -> str:
    """Writes `results.md` and the plots.

    Args:
      rows: the finished cells.
      cross_weights: what the fits of the stacked structure left, one a seed.
      folder: of the study.
    """
    groups = tables.by_model(rows)
    title = f"{rows[0]['data']}, split {rows[0]['split']}"
    body = [
        [
            name,
            str(len(group)),
            tables.mean_and_deviation(group, RMSE),
            tables.mean_and_deviation(group, MAE),
            f"{int(group[0]['weights']):,}" if group[0]["weights"] else "-",
            f"{tables.mean(group, 'fit_seconds'):,.1f}",
            f"{tables.mean(group, 'per_second'):,.0f}",
            f"{tables.mean(group, 'peak_mb'):,.0f}",
        ]
        for name, group in groups.items()
    ]
    header = ["structure", "seeds", RMSE, MAE, "parameters", "fit, s", "ratings/s", "peak MB"]
    plots.intervals(
        folder / "rmse.svg",
        {name: [float(row[RMSE]) for row in group] for name, group in groups.items()},
        unit=f"RMSE in stars, {title}",
    )
    parts = [(f"Structures, {title}", markdown(header, body))]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in cross_weights if path.is_file()]
    if found:
        parts.append((f"Crosses of the stacked structure, {title}", _crosses(found, folder)))
    tables.write_page(folder / "results.md", "Cross networks", parts)
    return (folder / "results.md").read_text(encoding="utf-8")


def _crosses(found: Sequence[dict[str, Any]], folder: Path) -> str:
    names: list[str] = found[0]["features"]
    # The first layer crosses the features themselves; a later one what was crossed before.
    first = np.mean([weights["layers"][0] for weights in found], axis=0)
    plots.heat_map(folder / "crosses.svg", names, first.tolist(), unit="norm of the block of weights, mean")
    order = np.argsort(-first, axis=None)[:10]
    body = [
        [names[row], names[column], f"{first[row, column]:.3f}"]
        for row, column in zip(*np.unravel_index(order, first.shape), strict=True)
    ]
    strongest = markdown(["feature", "crossed with", "norm"], body)
    heading = f"The ten strongest of {first.size}, means over {len(found)} seeds; all of them: crosses.svg"
    return f"{heading}\n\n{strongest}"
