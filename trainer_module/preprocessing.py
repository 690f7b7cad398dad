"""Transform's `preprocessing_fn`: raw `ratings` features to model features, in training and serving.

Every categorical feature becomes an index with 0 for "unknown or absent", so an optional feature that a
data set lacks is a column of zeros and the same model code serves all MovieLens versions.
"""

from typing import TypeAlias

import tensorflow as tf
import tensorflow_transform as tft

from contracts import features

Features: TypeAlias = dict[str, tf.Tensor | tf.SparseTensor | tf.RaggedTensor]

SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 24 * SECONDS_PER_HOUR
# 1970-01-01, day 0 of Unix time, was a Thursday; with Monday as 0 that is 3.
WEEKDAY_OF_EPOCH = 3


def preprocessing_fn(inputs: Features) -> Features:
    """Maps raw features to the model's.

    Args:
      inputs: raw `ratings` features as `features.py` names them; required ones as dense tensors of shape
        [B, 1], optional and repeated ones as sparse tensors.

    Returns:
      Dense features of shape [B] ([B, 21] for the genres) and, for history and title words, sparse int64
      or float features of variable length. Ids, the timestamp and the rating pass through unchanged.
    """
    user_id = _dense(inputs[features.USER_ID], "")
    movie_id = _dense(inputs[features.MOVIE_ID], "")
    timestamp = _dense(inputs[features.TIMESTAMP], 0)
    rating = _dense(inputs[features.USER_RATING], 0.0)
    movie_vocabulary = tft.vocabulary(movie_id, vocab_filename=features.MOVIE_VOCABULARY)
    return {
        features.USER_ID: user_id,
        features.MOVIE_ID: movie_id,
        features.TIMESTAMP: timestamp,
        features.USER_RATING: rating,
        features.USER_INDEX: _vocabulary_index(user_id, features.USER_VOCABULARY),
        features.MOVIE_INDEX: _apply_vocabulary(movie_id, movie_vocabulary),
        **_movie_features(inputs),
        **_user_features(inputs),
        features.HOUR_INDEX: timestamp // SECONDS_PER_HOUR % 24 + 1,
        features.WEEKDAY_INDEX: (timestamp // SECONDS_PER_DAY + WEEKDAY_OF_EPOCH) % 7 + 1,
        features.HISTORY_MOVIE_INDEX: _apply_vocabulary(
            _sparse(inputs[features.HISTORY_MOVIE_IDS]), movie_vocabulary
        ),
        features.HISTORY_RATING_CENTRED: _map_values(
            lambda values: values - tf.cast(_mean(rating), tf.float32),
            _sparse(inputs[features.HISTORY_RATINGS]),
        ),
    }


def _movie_features(inputs: Features) -> Features:
    year = _dense(inputs[features.MOVIE_RELEASE_YEAR], 0)
    has_year = year > 0
    decade = (year - features.FIRST_RELEASE_DECADE) // 10
    return {
        features.GENRES_MULTI_HOT: _multi_hot(_sparse(inputs[features.MOVIE_GENRES]), features.GENRES),
        features.TITLE_WORD_INDEX: _vocabulary_index(
            title_words(_dense(inputs[features.MOVIE_TITLE], "")), features.TITLE_WORD_VOCABULARY
        ),
        features.RELEASE_YEAR_NORMALIZED: _normalize(year, has_year),
        features.RELEASE_DECADE_INDEX: tf.where(
            has_year, tf.clip_by_value(decade, 0, features.RELEASE_DECADES - 1) + 1, tf.zeros_like(decade)
        ),
    }


def _user_features(inputs: Features) -> Features:
    bucket = _dense(inputs[features.BUCKETIZED_USER_AGE], -1.0)
    # 1m has only the bucket; its lower edge then stands for the age.
    age = _dense(inputs[features.RAW_USER_AGE], -1.0)
    age = tf.where(age >= 0, age, bucket)
    has_age = age >= 0
    edges = tf.constant([[float(edge) for edge in features.AGE_BUCKETS[1:]]])
    return {
        features.AGE_NORMALIZED: _normalize(age, has_age),
        features.AGE_BUCKET_INDEX: tf.where(
            has_age, tft.apply_buckets(age, edges) + 1, tf.zeros_like(age, tf.int64)
        ),
        features.GENDER_INDEX: _index_among(_dense(inputs[features.USER_GENDER], ""), features.GENDERS),
        features.OCCUPATION_INDEX: _vocabulary_index(
            _dense(inputs[features.USER_OCCUPATION_TEXT], ""), features.OCCUPATION_VOCABULARY
        ),
        # The first digit is the national area, the coarsest region of a US zip code.
        features.ZIP_AREA_INDEX: _index_among(
            tf.strings.substr(_dense(inputs[features.USER_ZIP_CODE], ""), 0, 1),
            tuple(str(digit) for digit in range(10)),
        ),
    }


def title_words(title: tf.Tensor) -> tf.SparseTensor:
    """Lower-case words of titles [B], without the year and punctuation, as a sparse [B, TITLE_WORDS]."""
    words = tf.strings.regex_replace(title, r"\s*\(\d{4}\)\s*$", "")
    words = tf.strings.lower(words, encoding="utf-8")
    words = tf.strings.regex_replace(words, r"[^\pL\pN]+", " ")
    return tf.strings.split(tf.strings.strip(words))[:, : features.TITLE_WORDS].to_sparse()


def _dense(feature: tf.Tensor | tf.SparseTensor, default: str | float) -> tf.Tensor:
    """A scalar feature as a dense [B], with `default` where an example lacks it."""
    if isinstance(feature, tf.SparseTensor):
        first = tf.sparse.slice(feature, [0, 0], tf.stack([feature.dense_shape[0], 1]))
        feature = tf.sparse.to_dense(
            tf.SparseTensor(first.indices, first.values, tf.stack([feature.dense_shape[0], 1])),
            default_value=tf.cast(default, feature.dtype) if feature.dtype != tf.string else default,
        )
    return tf.reshape(feature, [-1])


def _sparse(feature: tf.SparseTensor | tf.RaggedTensor) -> tf.SparseTensor:
    return feature.to_sparse() if isinstance(feature, tf.RaggedTensor) else feature


def _map_values(function, feature: tf.SparseTensor) -> tf.SparseTensor:  # type: ignore[no-untyped-def]
    return tf.SparseTensor(feature.indices, function(feature.values), feature.dense_shape)


def _vocabulary_index(feature: tf.Tensor | tf.SparseTensor, filename: str) -> tf.Tensor | tf.SparseTensor:
    return _apply_vocabulary(feature, tft.vocabulary(feature, vocab_filename=filename))


def _apply_vocabulary(
    feature: tf.Tensor | tf.SparseTensor, vocabulary: tf.Tensor
) -> tf.Tensor | tf.SparseTensor:
    index = tft.apply_vocabulary(feature, vocabulary, default_value=-1)
    if isinstance(index, tf.SparseTensor):
        return _map_values(lambda values: values + 1, index)
    return index + 1


def _index_among(feature: tf.Tensor, values: tuple[str, ...]) -> tf.Tensor:
    """1 + the position of each string [B] in a short fixed list, 0 where it is none of them."""
    matches = tf.equal(feature[:, tf.newaxis], tf.constant(values)[tf.newaxis, :])
    positions = tf.range(1, len(values) + 1, dtype=tf.int64)
    return tf.reduce_sum(tf.cast(matches, tf.int64) * positions, axis=1)


def _multi_hot(feature: tf.SparseTensor, values: tuple[str, ...]) -> tf.Tensor:
    """Float [B, len(values)] with a 1 for every value that a row of the sparse feature holds."""
    dense = tf.sparse.to_dense(feature, default_value="")
    matches = tf.equal(dense[:, :, tf.newaxis], tf.constant(values)[tf.newaxis, tf.newaxis, :])
    return tf.reshape(tf.cast(tf.reduce_any(matches, axis=1), tf.float32), [-1, len(values)])


def _normalize(feature: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
    """z-score over the examples that have the feature; 0, the mean, for the others and for a constant."""
    values = tf.cast(tf.boolean_mask(feature, present), tf.float64)
    mean = _mean(values)
    deviation = tf.sqrt(tf.maximum(_mean(values**2) - mean**2, 0.0))
    z_scores = tf.cast(tf.math.divide_no_nan(values - mean, deviation), tf.float32)
    return tf.scatter_nd(tf.where(present), z_scores, tf.shape(feature, out_type=tf.int64))


def _mean(values: tf.Tensor) -> tf.Tensor:
    """Mean over the whole data set of whole or half numbers, as float64; 0 where there are none.

    Such numbers add up exactly, in whichever order. `tft.mean` and `tft.scale_to_z_score` put means of
    batches together, and Beam chooses the size of batches by the clock: two runs would differ in the last
    digits.
    """
    values = tf.cast(values, tf.float64)
    return tf.math.divide_no_nan(tft.sum(values), tf.cast(tft.size(values), tf.float64))
