"""How well the movies called similar hold: where sequels stand, and what other users watch together.

The default retrieval model is fitted on the temporal split. Of each movie the others are ordered by the
cosine of the embeddings, damped by how few ratings a candidate has, with several
dampings. Two things are measured:

- sequels: where the movies of one series by title ("Die Hard" and "Die Hard 2") stand in each other's list,
  if both have ten ratings;
- neighbours: the share of a movie's first ten that are among its ten nearest by item-kNN, for users of the
  eval split who do not have a rating in training.
"""

import argparse
import csv
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.tables import markdown
from contracts import artifacts
from reports.reading.movies import read_movies
from studies import our_models, tables
from studies.cells import Cell
from studies.data.split_data import Floats, SplitData
from studies.harness import RESULTS_FILE, Harness
from studies.tasks import RETRIEVAL
from trainer_module.retrieval.similar import DAMPING, similar_candidates

SUMMARY: Final = "similar movies: where sequels stand, and what users watch together who were left out"
EPILOG: Final = """\
examples:
  python -m studies similar --data-dir data/ml-100k
  python -m studies similar --damping 0 20 --seed 1
"""

_SPLIT: Final = "temporal"
_LENGTH: Final = 10
# Users of both movies that make a cosine of item-kNN count half, and users that a movie needs for neighbours.
_KNN_SHRINKAGE: Final = 10.0
_KNN_LEAST: Final = 20
# Ratings that a movie of a series needs.
_SERIES_LEAST: Final = 10
_HEADER: Final = ("damping", "sequels in ten", "sequels MRR", "median place", "neighbours in ten")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this study."""
    parser.add_argument("--seed", type=int, default=42, help="of the fit (default: 42)")
    parser.add_argument(
        "--damping",
        nargs="+",
        type=float,
        default=(0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0),
        metavar="RATINGS",
        help="ratings at which a cosine counts half; 0 is the cosine alone",
    )


def run(options: argparse.Namespace, harness: Harness) -> str:
    """Fits the model if that is not done, measures each damping, writes the table and returns it."""
    settings = our_models.configurations(_SPLIT)[our_models.DEFAULT].hyperparameters(RETRIEVAL)
    cell = Cell(_SPLIT, "our retrieval, default", RETRIEVAL, options.seed, settings.model_dump(mode="json"))
    harness.run([cell])
    split = harness.prepare(_SPLIT)
    data = SplitData.read(Path(split.arrays))
    left = harness.cell_folder(cell) / "fit" / "run" / artifacts.MOVIE_EMBEDDINGS_FILE
    with np.load(left) as archive:
        embeddings, ratings = archive["embedding"], archive["train_ratings"]
        ids = archive["movie_id"].tolist()
    movies = read_movies(Path(split.movies).parent.parent)
    series = series_of([movies[id_].title for id_ in ids], ratings)
    neighbours = nearest_by_users(data, ids)
    rows = []
    for damping in options.damping:
        scores = similarities(embeddings, ratings, damping)
        places = places_in_series(scores, series)
        rows.append(
            [
                damping,
                float((places <= _LENGTH).mean()),
                float((1 / places).mean()),
                float(np.median(places)),
                overlap(scores, neighbours),
            ]
        )
    title = (
        f"{split.data}, split {split.name}, {len(places)} pairs of a series, "
        f"{len(neighbours)} movies with neighbours"
    )
    return report(rows, title, harness.folder)


def similarities(
    embeddings: npt.NDArray[np.float32], ratings: npt.NDArray[np.float32], damping: float
) -> Floats:
    """How similar each movie is to each other, [M, M]; itself is the least."""
    queries, candidates = (similar_candidates(embeddings, ratings, each) for each in (0.0, damping))
    scores: Floats = (queries @ candidates.T).astype(np.float64)
    np.fill_diagonal(scores, -np.inf)
    return scores


def series_of(titles: Sequence[str], ratings: Sequence[int]) -> list[list[int]]:
    """The places of movies that share what their titles begin with, year, number and subtitle aside.

    Of those with one and the same title the first counts, and movies with few ratings do not.
    """
    found: dict[str, list[int]] = defaultdict(list)
    for place, title in enumerate(titles):
        if ratings[place] < _SERIES_LEAST or title in titles[:place]:
            continue
        name = re.sub(r"\s*\(.*\)\s*$", "", title).casefold()
        name = re.split(r":| \bpart\b", name)[0]
        name = re.sub(r",\s*(the|a|an)$", "", name.strip())
        name = re.sub(r"\s+(\d|i{2,3}|i?v|vi{0,3})$", "", name).strip()
        found[name].append(place)
    return [places for places in found.values() if len(places) > 1]


def places_in_series(scores: Floats, series: Sequence[Sequence[int]]) -> Floats:
    """Where each movie of a series stands in the list of each other one of it, from 1, [pairs]."""
    return np.array(
        [
            1.0 + (scores[movie] > scores[movie, other]).sum()
            for places in series
            for movie in places
            for other in places
            if movie != other
        ]
    )


def nearest_by_users(data: SplitData, ids: Sequence[bytes]) -> dict[int, set[int]]:
    """The nearest movies of those that enough users of the eval split alone have rated, by item-kNN.

    Args:
      data: the split.
      ids: of the movies in the order of the places that are returned.
    """
    place = {id_: at for at, id_ in enumerate(ids)}
    movies = np.array([place[id_] for id_ in data.movie_ids.tolist()])
    new = ~np.isin(data.evaluation.user, data.train.user)
    watched = np.zeros((len(data.user_ids), len(ids)), np.float32)
    watched[data.evaluation.user[new], movies[data.evaluation.movie[new]]] = 1
    together = (watched.T @ watched).astype(np.float64)
    users = np.diag(together).copy()
    cosines = together / (np.sqrt(np.outer(users, users)) + _KNN_SHRINKAGE)
    np.fill_diagonal(cosines, -1)
    return {
        int(movie): set(np.argsort(-cosines[movie], kind="stable")[:_LENGTH].tolist())
        for movie in np.flatnonzero(users >= _KNN_LEAST)
    }


def overlap(scores: Floats, neighbours: Mapping[int, set[int]]) -> float:
    """Mean share of a movie's first ten that are among its neighbours."""
    return float(
        np.mean(
            [
                len(nearest & set(np.argsort(-scores[movie], kind="stable")[:_LENGTH].tolist())) / _LENGTH
                for movie, nearest in neighbours.items()
            ]
        )
    )


def report(rows: Sequence[Sequence[float]], title: str, folder: Path) -> str:
    """Writes `results.csv` and `results.md`; returns the table as Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / RESULTS_FILE.replace("results", "dampings")).open(
        "w", encoding="utf-8", newline=""
    ) as file:
        csv.writer(file, lineterminator="\n").writerows([_HEADER, *rows])
    body = [
        [
            f"{damping:g}" + (" (served)" if damping == DAMPING else ""),
            tables.number(in_ten, 3),
            tables.number(reciprocal, 3),
            f"{median:g}",
            tables.number(shared, 3),
        ]
        for damping, in_ten, reciprocal, median, shared in rows
    ]
    tables.write_page(folder / "results.md", "Similar movies", [(title, markdown(_HEADER, body))])
    return (folder / "results.md").read_text(encoding="utf-8")
