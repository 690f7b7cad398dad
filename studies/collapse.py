"""What a score-based top-k accuracy reads off towers that die, beside the same lists by id.

TFRS's `FactorizedTopK` counts a rating as found where its movie's score is among the k highest scores, and
equal scores all count (`tf.math.in_top_k`). Towers that end in a ReLU die under a large learning rate: their
embeddings become 0, all scores tie, and the accuracy reads 1. By id, with ties in random order, it reads what
the list is worth. The embeddings here are those of iALS, of which a growing share is set to 0.
"""

import argparse
import csv
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from benchmarks.tables import markdown
from studies import plots, tables
from studies.harness import RESULTS_FILE, Harness
from studies.split_data import Bools, Floats, Ints, Ratings, SplitData
from studies.splits import SPLITS

SUMMARY: Final = "why retrieval is measured by id: score-based accuracy of dying towers"
EPILOG: Final = """\
examples:
  python -m studies collapse --data-dir data/ml-100k
  python -m studies collapse --dead 0 0.5 1 --seed 1
"""

_SHARES: Final = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
_LENGTHS: Final = (10, 100)


class Reading(NamedTuple):
    """Accuracies over the ratings of the eval split, for each of the list lengths.

    Attributes:
      by_score: as `tf.math.in_top_k` counts, ties and all.
      by_id: the movie itself in the list, ties in random order.
    """

    by_score: dict[int, float]
    by_id: dict[int, float]


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
    from studies.peers.ials import ImplicitAls

    split = harness.prepare(options.split)
    data = SplitData.read(Path(split.arrays))
    peer = ImplicitAls(seed=options.seed)
    peer.fit(data)
    scores = peer.scores(np.arange(len(data.user_ids)))
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


def read(scores: Floats, evaluation: Ratings, seed: int) -> Reading:
    """Top-k accuracies by score and by id over the whole catalogue, training movies included.

    Args:
      scores: [U, M].
      evaluation: the ratings that are looked for.
      seed: of the order of ties.
    """
    random = np.random.default_rng(seed)
    better, ties = _rivals(scores, evaluation.user, evaluation.movie)
    rank = better + np.floor(random.random(len(ties)) * (ties + 1)).astype(np.int64)
    return Reading(
        {k: float(np.mean(better < k)) for k in _LENGTHS},
        {k: float(np.mean(rank < k)) for k in _LENGTHS},
    )


def report(readings: dict[float, Reading], title: str, folder: Path) -> str:
    """Writes `results.csv`, `results.md` and the plot; returns the table as Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    header = ["dead", *(f"top-{k} {way}" for k in _LENGTHS for way in ("by score", "by id"))]
    rows = [
        [share, *(figure for k in _LENGTHS for figure in (reading.by_score[k], reading.by_id[k]))]
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
    body = [[f"{row[0]:.0%}", *(tables.number(figure, 4) for figure in row[1:])] for row in rows]
    heading = f"Top-k accuracy over ratings, {title}"
    tables.write_page(folder / "results.md", "Collapse", [(heading, markdown(header, body))])
    return (folder / "results.md").read_text(encoding="utf-8")


def _alive(size: int, share: float, random: np.random.Generator) -> Bools:
    alive = np.ones(size, np.bool_)
    alive[random.permutation(size)[: round(share * size)]] = False
    return alive


def _rivals(scores: Floats, users: Ints, movies: Ints) -> tuple[Ints, Ints]:
    """How many movies score above each rating's own, and how many others score the same, [n] each."""
    better, ties = np.empty(len(users), np.int64), np.empty(len(users), np.int64)
    for row, (user, movie) in enumerate(zip(users, movies, strict=True)):
        own = scores[user, movie]
        better[row] = np.count_nonzero(scores[user] > own)
        ties[row] = np.count_nonzero(scores[user] == own) - 1
    return better, ties


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share from 0 to 1")
    return share
