"""Raw Examples as arrays, in the order in which TFX's readers find them."""

from typing import Any, Final

import numpy as np
import tensorflow as tf

from contracts import features
from studies.data.split_data import SplitData, SplitRatings

_BATCH: Final = 8192
_SPEC: Final = {
    features.USER_ID: tf.io.FixedLenFeature([], tf.string),
    features.MOVIE_ID: tf.io.FixedLenFeature([], tf.string),
    features.USER_RATING: tf.io.FixedLenFeature([], tf.float32),
    features.TIMESTAMP: tf.io.FixedLenFeature([], tf.int64),
}


def serialized(pattern: str) -> tf.data.Dataset:
    """The serialized Examples of the gzipped files that match `pattern`, file by file."""
    return tf.data.TFRecordDataset(sorted(tf.io.gfile.glob(pattern)), compression_type="GZIP")


def read_split(train: str, evaluation: str, movies: str) -> SplitData:
    """Reads `ratings` and `movies` Examples.

    Args:
      train: pattern of the files of the train split.
      evaluation: of the eval split.
      movies: of the catalogue.
    """
    movie_ids = _columns(movies, [features.MOVIE_ID])[features.MOVIE_ID].astype(np.bytes_)
    columns = [_columns(pattern, _SPEC) for pattern in (train, evaluation)]
    user_ids = np.unique(np.concatenate([part[features.USER_ID].astype(np.bytes_) for part in columns]))
    by_movie = np.argsort(movie_ids)
    parts = [
        SplitRatings(
            np.searchsorted(user_ids, part[features.USER_ID].astype(np.bytes_)),
            by_movie[np.searchsorted(movie_ids[by_movie], part[features.MOVIE_ID].astype(np.bytes_))],
            part[features.USER_RATING].astype(np.float64),
            part[features.TIMESTAMP],
        )
        for part in columns
    ]
    return SplitData(user_ids, movie_ids, *parts)


def _columns(pattern: str, names: Any) -> dict[str, Any]:
    spec = {name: _SPEC[name] for name in names}
    batches = [tf.io.parse_example(batch, spec) for batch in serialized(pattern).batch(_BATCH)]
    return {name: np.concatenate([batch[name].numpy() for batch in batches]) for name in spec}
