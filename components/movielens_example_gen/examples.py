"""Serialized `tf.train.Example`s of the data contract (`contracts.features` has the names).

A rating's Example repeats what is known of its user and its movie, and most of the history of the
example before it. So these parts are serialized once and joined as bytes: a serialized protocol buffer
is the concatenation of its fields, see https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Sequence
from typing import Final

import tensorflow as tf

from contracts import features
from movielens.records import Movie, User

# Field numbers of tensorflow/core/example/feature.proto.
_EXAMPLE_FEATURES: Final = 1
_FEATURES_ENTRY: Final = 1
_ENTRY_KEY: Final = 1
_ENTRY_VALUE: Final = 2
_FEATURE_BYTES_LIST: Final = 1
_FEATURE_FLOAT_LIST: Final = 2
_FEATURE_INT64_LIST: Final = 3
_LIST_VALUE: Final = 1


def movie_features(movie: Movie) -> bytes:
    """Serialized `tf.train.Features` of a movie; `movie_release_year` is absent when unknown."""
    values: dict[str, tf.train.Feature] = {
        features.MOVIE_ID: _bytes_feature([movie.movie_id]),
        features.MOVIE_TITLE: _bytes_feature([movie.title]),
        features.MOVIE_GENRES: _bytes_feature(movie.genres),
    }
    if movie.release_year is not None:
        values[features.MOVIE_RELEASE_YEAR] = tf.train.Feature(
            int64_list=tf.train.Int64List(value=[movie.release_year])
        )
    return _features(values)


def user_features(user_id: str, user: User | None) -> bytes:
    """Serialized `tf.train.Features` of a user; what the data set does not hold is absent."""
    values = {features.USER_ID: _bytes_feature([user_id])}
    if user is not None:
        values[features.USER_GENDER] = _bytes_feature([user.gender])
        values[features.USER_OCCUPATION_TEXT] = _bytes_feature([user.occupation])
        if user.bucketized_age is not None:
            values[features.BUCKETIZED_USER_AGE] = _float_feature(user.bucketized_age)
        if user.raw_age is not None:
            values[features.RAW_USER_AGE] = _float_feature(user.raw_age)
        if user.zip_code:
            values[features.USER_ZIP_CODE] = _bytes_feature([user.zip_code])
    return _features(values)


def rating_features(rating: float) -> bytes:
    """Serialized `tf.train.Features` of the stars alone; there are at most ten different ones."""
    return _features({features.USER_RATING: _float_feature(rating)})


def timestamp_features(timestamp: int) -> bytes:
    """Serialized `tf.train.Features` of a rating's time, in UTC seconds."""
    values = delimited(_LIST_VALUE, _varint(timestamp))
    return _entry(_TIMESTAMP_KEY, delimited(_FEATURE_INT64_LIST, values))


def history_item(movie_id: str) -> bytes:
    """A movie as one value of a serialized history."""
    return delimited(_LIST_VALUE, movie_id.encode())


def history_features(items: Sequence[bytes], packed_ratings: bytes) -> bytes:
    """Serialized `tf.train.Features` of a history, both lists present even where they are empty.

    Args:
      items: `history_item`s, oldest first.
      packed_ratings: as many little-endian float32.
    """
    ids = _entry(_HISTORY_IDS_KEY, delimited(_FEATURE_BYTES_LIST, b"".join(items)))
    values = delimited(_LIST_VALUE, packed_ratings) if packed_ratings else b""
    return ids + _entry(_HISTORY_RATINGS_KEY, delimited(_FEATURE_FLOAT_LIST, values))


def example(*parts: bytes) -> bytes:
    """A serialized `tf.train.Example` of serialized `tf.train.Features` that share no name."""
    return delimited(_EXAMPLE_FEATURES, b"".join(parts))


def delimited(field: int, payload: bytes) -> bytes:
    """A length-delimited field of a protocol buffer: tag, length, payload."""
    return _TAGS[field] + _varint(len(payload)) + payload


def _varint(number: int) -> bytes:
    """Base 128, low groups first. Negative numbers take ten bytes, as int64 does."""
    if 0 <= number < 128:
        return _ONE_BYTE[number]
    number &= (1 << 64) - 1
    result = bytearray()
    while number > 127:
        result.append(number & 127 | 128)
        number >>= 7
    result.append(number)
    return bytes(result)


def _entry(key: bytes, feature: bytes) -> bytes:
    return delimited(_FEATURES_ENTRY, key + delimited(_ENTRY_VALUE, feature))


def _features(values: dict[str, tf.train.Feature]) -> bytes:
    serialized: bytes = tf.train.Features(feature=values).SerializeToString(deterministic=True)
    return serialized


def _bytes_feature(values: Sequence[str]) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))


def _float_feature(value: float) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))


_LENGTH_DELIMITED: Final = 2
_TAGS: Final = [bytes([field << 3 | _LENGTH_DELIMITED]) for field in range(4)]
_ONE_BYTE: Final = [bytes([number]) for number in range(128)]
_TIMESTAMP_KEY: Final = delimited(_ENTRY_KEY, features.TIMESTAMP.encode())
_HISTORY_IDS_KEY: Final = delimited(_ENTRY_KEY, features.HISTORY_MOVIE_IDS.encode())
_HISTORY_RATINGS_KEY: Final = delimited(_ENTRY_KEY, features.HISTORY_RATINGS.encode())
