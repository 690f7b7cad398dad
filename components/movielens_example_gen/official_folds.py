"""The divisions into training and test ratings that a data set ships with, such as u1 to u5 of ML-100k."""

from typing import Final

import numpy as np
from tfx.dsl.io import fileio

from components.movielens_example_gen import splits
from components.movielens_example_gen.source import RawSource
from movielens.layouts import Layout
from movielens.records import DatasetError, Rejected

_FOLDS: Final = f"take the folder as GroupLens publishes {Layout.ML_100K.value}, or choose another split rule"

Pairs = list[tuple[str, str]]


def fold_rows(source: RawSource, fold: int) -> splits.BoolArray:
    """Marks the ratings that fold number `fold` tests on.

    Args:
      source: the folder; only ML-100k has folds, so its ratings fit into memory.
      fold: from 1.

    Returns:
      [lines of the ratings file, its header left out]; a line that is not a rating is not marked.

    Raises:
      DatasetError: the layout lacks folds, a file of the fold is missing, or its two files together are not
        the ratings file.
    """
    spec = source.spec
    if not spec.folds:
        raise DatasetError(
            f"{source.folder}: the {source.layout.value} layout does not have official folds, which only "
            f"{Layout.ML_100K.value} ships with; choose the split rule leave_last_out, temporal or random"
        )
    if fold > len(spec.folds):
        raise DatasetError(f"{source.folder}: there is no fold {fold}, the last one is {len(spec.folds)}")
    files = spec.folds[fold - 1]
    for file in files:
        if not fileio.exists(source.path(file)):
            raise DatasetError(f"{source.path(file)} is missing, and fold {fold} needs it: {_FOLDS}")
    train, test = (list(_pairs(source, file).values()) for file in files)
    rated = _pairs(source, spec.ratings_file)
    if sorted(train + test) != sorted(rated.values()):
        raise DatasetError(
            f"{source.folder}: {' and '.join(files)} together do not hold the ratings of "
            f"{spec.ratings_file}: {_FOLDS}"
        )
    tested = set(test)
    first = 1 + spec.header
    marked = np.zeros(max(rated, default=0) + 1 - first, np.bool_)
    marked[[line - first for line, pair in rated.items() if pair in tested]] = True
    return marked


def _pairs(source: RawSource, file: str) -> dict[int, tuple[str, str]]:
    """(user, movie) of every rating of `file`, by its line from 1; what is not a rating is left out."""
    return {
        number: (rating.user_id, rating.movie_id)
        for chunk in source.chunks(file)
        for number, rating in source.ratings(chunk, file)
        if not isinstance(rating, Rejected)
    }
