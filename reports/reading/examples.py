"""Reads `ratings` Examples by column, a batch at a time, so that memory does not grow with the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from contracts import features

BATCH_ROWS: Final = 16_384
# No MovieLens rating, year or time is below 0.
ABSENT: Final = -1

_TEXTS: Final = (
    features.USER_ID,
    features.MOVIE_ID,
    features.MOVIE_TITLE,
    features.USER_GENDER,
    features.USER_OCCUPATION_TEXT,
    features.USER_ZIP_CODE,
)
_FLOATS: Final = (features.USER_RATING, features.RAW_USER_AGE, features.BUCKETIZED_USER_AGE)
_INTEGERS: Final = (features.TIMESTAMP, features.MOVIE_RELEASE_YEAR)


@dataclass(frozen=True)
class Texts:
    """A column of texts, each distinct one once.

    Attributes:
      codes: [rows] positions in `values`.
      values: the distinct texts; "" stands for an absent one.
    """

    codes: npt.NDArray[np.int64]
    values: list[str]


@dataclass(frozen=True)
class Batch:
    """Some rows of a split.

    Attributes:
      texts: by the name of the feature.
      numbers: [rows] by the name of the feature; `ABSENT` where a row lacks it.
      genre_rows: [genres of all rows] which row a genre is of.
      genres: the genres of all rows.
    """

    texts: dict[str, Texts]
    numbers: dict[str, npt.NDArray[Any]]
    genre_rows: npt.NDArray[np.int64]
    genres: Texts

    def __len__(self) -> int:
        return len(self.numbers[features.TIMESTAMP])


def read_batches(examples: Path, split: str, rows: int = BATCH_ROWS) -> Iterator[Batch]:
    """Yields the rows of a split.

    Args:
      examples: folder of an Examples artifact of gzipped TFRecords.
      split: such as `train`.
      rows: the most rows in a batch.

    Raises:
      FileNotFoundError: the artifact does not have that split.
    """
    import tensorflow as tf

    files = example_files(examples, split)
    spec = {
        **{name: tf.io.FixedLenFeature([], tf.string, b"") for name in _TEXTS},
        **{name: tf.io.FixedLenFeature([], tf.float32, ABSENT) for name in _FLOATS},
        **{name: tf.io.FixedLenFeature([], tf.int64, ABSENT) for name in _INTEGERS},
        features.MOVIE_GENRES: tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
    }
    records = tf.data.TFRecordDataset(files, compression_type="GZIP", buffer_size=1 << 20)
    for serialized in records.batch(rows):
        parsed = tf.io.parse_example(serialized, spec)
        genres = parsed[features.MOVIE_GENRES]
        yield Batch(
            {name: _texts(parsed[name].numpy()) for name in _TEXTS},
            {name: parsed[name].numpy() for name in (*_FLOATS, *_INTEGERS)},
            genres.value_rowids().numpy(),
            _texts(genres.values.numpy()),
        )


def example_files(examples: Path, split: str) -> list[str]:
    """The files of a split, in order.

    Raises:
      FileNotFoundError: the artifact does not have that split.
    """
    files = sorted(str(path) for path in (examples / f"Split-{split}").glob("*.gz"))
    if not files:
        raise FileNotFoundError(f"{examples}: does not hold the split {split!r}")
    return files


def _texts(column: npt.NDArray[np.object_]) -> Texts:
    encoded = pa.array(column, pa.binary()).dictionary_encode()
    values = [value.decode("utf-8", errors="replace") for value in encoded.dictionary.to_pylist()]
    return Texts(encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), values)
