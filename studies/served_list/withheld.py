"""A data set without each user's last rating, which the pipeline then cannot have seen anywhere."""

from __future__ import annotations

import shutil
from array import array
from pathlib import Path
from typing import Final

import numpy as np

from components.movielens_example_gen.splits import last_out
from contracts.artifacts import SYNTHETIC_MARKER
from movielens.layouts import Layout, detect_layout
from movielens.readers import parse_movies, parse_ratings, read_lines
from movielens.records import Movie, Rating
from studies.child import StudyError
from studies.data.split_data import Ints, SplitData, SplitRatings

# Each parsed rating: user, movie, timestamp, number of the line; and the stars beside them.
_COLUMNS: Final = 4


def withhold_last(source: Path, folder: Path) -> SplitData:
    """Writes the data set without the last rating of each user who has two or more.

    The last one is that of the split `leave_last_out`: by timestamp, then by line. Other lines of the same
    user and movie go with it. Lines that cannot be read stay, for the pipeline to count.

    Args:
      source: raw files of one MovieLens layout.
      folder: the new data set, in the same layout; its parent is there. One that is there is replaced.

    Returns:
      The data set, `evaluation` being what was withheld and `train` the rest.

    Raises:
      DatasetError: the source does not hold a data set.
      StudyError: no user has two ratings.
    """
    layout = detect_layout([path.name for path in source.iterdir()], str(source))
    movies = _movie_positions(source / layout.spec.movies_file, layout)
    user_ids, ratings, line = _read(source / layout.spec.ratings_file, layout, movies)
    order = np.lexsort((line, ratings.timestamp, ratings.user))
    last = np.zeros(len(ratings), np.bool_)
    last[order] = last_out(ratings.user[order])
    if not last.any():
        raise StudyError(f"{source}: no user has two ratings, so none can be withheld")
    pair = ratings.user * len(movies) + ratings.movie
    hidden = np.isin(pair, pair[last])
    _write_rest(source, folder, layout, set(line[hidden].tolist()))
    users, catalogue = (np.array([name.encode() for name in names]) for names in (user_ids, movies))
    return SplitData(users, catalogue, train=ratings.where(~hidden), evaluation=ratings.where(last))


def _movie_positions(file: Path, layout: Layout) -> dict[str, int]:
    with file.open("rb") as stream:
        rows = [row for _, row in parse_movies(read_lines(stream), layout, file.name)]
    ids = dict.fromkeys(row.movie_id for row in rows if isinstance(row, Movie))
    return {movie_id: position for position, movie_id in enumerate(ids)}


def _read(file: Path, layout: Layout, movies: dict[str, int]) -> tuple[list[str], SplitRatings, Ints]:
    """The users, the ratings of movies of the catalogue, and the number of the line of each."""
    users: dict[str, int] = {}
    whole, stars = array("q"), array("d")
    with file.open("rb") as stream:
        for number, row in parse_ratings(read_lines(stream), layout, file.name):
            if isinstance(row, Rating) and row.movie_id in movies:
                user = users.setdefault(row.user_id, len(users))
                whole.extend((user, movies[row.movie_id], row.timestamp, number))
                stars.append(row.rating)
    user, movie, timestamp, line = np.array(whole, np.int64).reshape(-1, _COLUMNS).T
    return [*users], SplitRatings(user, movie, np.array(stars, np.float64), timestamp), line


def _write_rest(source: Path, folder: Path, layout: Layout, hidden: set[int]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in layout.spec.files:
        if name != layout.spec.ratings_file:
            shutil.copyfile(source / name, folder / name)
    if (source / SYNTHETIC_MARKER).is_file():
        shutil.copyfile(source / SYNTHETIC_MARKER, folder / SYNTHETIC_MARKER)
    with (
        (source / layout.spec.ratings_file).open("rb") as lines,
        (folder / layout.spec.ratings_file).open("wb") as rest,
    ):
        rest.writelines(line for number, line in enumerate(lines, 1) if number not in hidden)
