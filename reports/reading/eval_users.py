"""A sample of the users of the eval split, with what they rated, from any number of Examples."""

import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from contracts import features
from reports.reading.examples import BATCH_ROWS, example_files

_PROFILE: Final = (features.USER_GENDER, features.BUCKETIZED_USER_AGE, features.USER_OCCUPATION_TEXT)


@dataclass
class EvalUser:
    """A user with at least one row in the eval split.

    Attributes:
      user_id: bytes, as in the Examples.
      held_out: the movies of those rows with their ratings.
      last: timestamp and movie of the last of those rows.
      serialized: that row's Example.
    """

    user_id: bytes
    held_out: dict[bytes, float] = field(default_factory=dict)
    last: tuple[int, bytes] = (-1, b"")
    serialized: bytes = b""


@dataclass(frozen=True)
class EvalRow:
    """One row of the eval split.

    Attributes:
      movie_id: the movie that was rated.
      rating: in stars.
      history: what the user had rated before, oldest first, with ratings.
      profile: what is known of the user, in words.
    """

    movie_id: bytes
    rating: float
    history: tuple[tuple[bytes, float], ...]
    profile: tuple[str, ...]


def sample_users(examples: Path, most: int) -> tuple[list[EvalUser], int]:
    """Takes the users whose ids have the lowest checksums: a sample that no order of rows changes.

    Memory is that of `most` users, whatever the size of the split.

    Args:
      examples: folder of the `ratings` Examples.
      most: of users.

    Returns:
      The users in the order of their checksums, and the number of rows of the split.
    """
    import tensorflow as tf

    spec = {
        features.USER_ID: tf.io.FixedLenFeature([], tf.string),
        features.MOVIE_ID: tf.io.FixedLenFeature([], tf.string),
        features.USER_RATING: tf.io.FixedLenFeature([], tf.float32),
        features.TIMESTAMP: tf.io.FixedLenFeature([], tf.int64),
    }
    users: dict[bytes, EvalUser] = {}
    last_order = (1 << 32, b"")
    rows = 0
    records = tf.data.TFRecordDataset(
        example_files(examples, features.EVAL_SPLIT), compression_type="GZIP", buffer_size=1 << 20
    )
    for batch in records.batch(BATCH_ROWS):
        serialized = batch.numpy()
        rows += len(serialized)
        row = {name: column.numpy() for name, column in tf.io.parse_example(batch, spec).items()}
        ids, user_of = np.unique(row[features.USER_ID].astype(np.bytes_), return_inverse=True)
        low = np.array([_order(user_id) <= last_order for user_id in ids.tolist()], np.bool_)
        for number in np.flatnonzero(low[user_of.reshape(-1)]):
            user_id = row[features.USER_ID][number]
            user = users.setdefault(user_id, EvalUser(user_id))
            user.held_out[row[features.MOVIE_ID][number]] = float(row[features.USER_RATING][number])
            # The movie settles equal times, so the order of the rows does not matter.
            moment = int(row[features.TIMESTAMP][number]), row[features.MOVIE_ID][number]
            if moment > user.last:
                user.last, user.serialized = moment, serialized[number]
        if len(users) > most:
            # Whoever is let go comes after `last_order` from now on, and so cannot come back by half.
            kept = sorted(users, key=_order)[:most]
            users = {user_id: users[user_id] for user_id in kept}
            last_order = _order(kept[-1])
    return [users[user_id] for user_id in sorted(users, key=_order)], rows


def _age(bucket: int) -> str:
    """TFDS's age bucket in words; its lower edge names it."""
    buckets = features.AGE_BUCKETS
    if bucket == buckets[0]:
        return f"under {buckets[1]}"
    after = next((edge for edge in buckets if edge > bucket), None)
    return f"aged {bucket} to {after - 1}" if after else f"aged {bucket} or over"


def _order(user_id: bytes) -> tuple[int, bytes]:
    return zlib.crc32(user_id), user_id


def read_row(serialized: bytes) -> EvalRow:
    """Reads one Example of the eval split."""
    import tensorflow as tf

    example = tf.train.Example.FromString(serialized).features.feature

    def first(name: str) -> Any:
        values = list(example[name].bytes_list.value or example[name].float_list.value)
        return values[0] if values else None

    profile = []
    for name in _PROFILE:
        value = first(name) if name in example else None
        if isinstance(value, bytes):
            profile.append(value.decode("utf-8", errors="replace"))
        elif value is not None:
            profile.append(_age(int(value)))
    ids, ratings = features.HISTORY_MOVIE_IDS, features.HISTORY_RATINGS
    return EvalRow(
        movie_id=first(features.MOVIE_ID),
        rating=float(first(features.USER_RATING)),
        history=tuple(
            zip(example[ids].bytes_list.value, example[ratings].float_list.value, strict=True)
            if ids in example
            else ()
        ),
        profile=tuple(profile),
    )
