"""What a score-based top-k accuracy reads off towers that die, beside the same lists by id.

TFRS's `FactorizedTopK` counts a rating as found where its movie's score is among the k highest scores, and
equal scores all count (`tf.math.in_top_k`). Towers that end in a ReLU die under a large learning rate: their
embeddings become 0, all scores tie, and the accuracy reads 1. By id, with ties in random order, it reads what
the list is worth. The embeddings here are those of iALS, of which a growing share is set to 0.
"""

import argparse
import csv
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.tables import markdown
from studies import plots, tables
from studies.accuracies import Reading, read
from studies.data.split_data import Bools, Floats, SplitData
from studies.data.splits import SPLITS
from studies.harness import RESULTS_FILE, Harness
from studies.tasks import ACCURACY_LENGTHS, BY_ID, BY_SCORE

SUMMARY: Final = "why retrieval is measured by id: score-based accuracy of dying towers"
EPILOG: Final = """\
examples:
  python -m studies collapse --data-dir data/ml-100k
  python -m studies collapse --dead 0 0.5 1 --seed 1
"""

_SHARES: Final = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this study."""
    parser.add_argument("--split", choices=[*SPLITS], default="random", help="default: random")
    parser.add_argument("--seed", type=int, default=42, help="of embeddings, deaths and ties (default: 42)")
    parser.add_argument(
        "--dead",
        nargs="+",
        type=_share,
        default=_SHARES,
        metavar="SHARE",
        help="shares of the users and of the movies whose embedding is 0",
    )


def run(options: argparse.Namespace, harness: Harness) -> str:
    """Fits iALS, lets its embeddings die, writes table and plot, and returns the table."""
    from studies.baselines.ials import ImplicitAls

    split = harness.prepare(options.split)
    data = SplitData.read(Path(split.arrays))
    baseline = ImplicitAls(seed=options.seed)
    baseline.fit(data)
    scores = baseline.scores(np.arange(len(data.user_ids)))
    readings = {
        share: read(with_dead(scores, share, options.seed), data.evaluation, options.seed)
        for share in sorted(options.dead)
    }
    return report(readings, f"{split.data}, split {split.name}", harness.folder)


def with_dead(scores: Floats, share: float, seed: int) -> Floats:
    """Scores [U, M] after a share of the users' and of the movies' embeddings has become 0.

    A score below 0, which two ReLU towers cannot give, is 0 too.
    """
    random = np.random.default_rng(seed)
    users, movies = (_alive(size, share, random) for size in scores.shape)
    return np.where(np.outer(users, movies), np.maximum(scores, 0), 0.0)


def report(readings: dict[float, Reading], title: str, folder: Path) -> str:
    """Writes `results.csv`, `results.md` and the plot; returns the table as Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    header = ["dead", *(names[k] for k in ACCURACY_LENGTHS for names in (BY_SCORE, BY_ID))]
    rows = [
        [share, *(metric for k in ACCURACY_LENGTHS for metric in (reading.by_score[k], reading.by_id[k]))]
        for share, reading in readings.items()
    ]
    with (folder / RESULTS_FILE).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    curves = {
        name: ([row[0] for row in rows], [row[place] for row in rows])
        for place, name in enumerate(header)
        if place
    }
    plots.lines(
        folder / "collapse.svg", curves, x="share of embeddings that are 0", y=f"top-k accuracy, {title}"
    )
    body = [[f"{row[0]:.0%}", *(tables.number(metric, 4) for metric in row[1:])] for row in rows]
    heading = f"Top-k accuracy over ratings, {title}"
    tables.write_page(folder / "results.md", "Collapse", [(heading, markdown(header, body))])
    return (folder / "results.md").read_text(encoding="utf-8")


def _alive(size: int, share: float, random: np.random.Generator) -> Bools:
    alive = np.ones(size, np.bool_)
    alive[random.permutation(size)[: round(share * size)]] = False
    return alive


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share from 0 to 1")
    return share
