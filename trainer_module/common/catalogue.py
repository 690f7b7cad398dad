"""The movies a model can recommend: every one of the `movies` Examples, rated or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft

from contracts import features
from trainer_module.common.inputs import READ_BATCH_SIZE, densify, feature_widths

RAW_SPEC = {
    features.MOVIE_ID: tf.io.FixedLenFeature([1], tf.string),
    features.MOVIE_TITLE: tf.io.FixedLenFeature([1], tf.string),
    features.MOVIE_GENRES: tf.io.VarLenFeature(tf.string),
    features.MOVIE_RELEASE_YEAR: tf.io.VarLenFeature(tf.int64),
}


@dataclass(frozen=True)
class Catalogue:
    """M movies in a seeded random order.

    `tf.math.top_k` breaks ties by position, so a random order is what breaks ties at random.

    Attributes:
      ids: movie ids, bytes [M].
      titles: titles, bytes [M].
      columns: transformed movie features by name, [M, ...].
    """

    ids: npt.NDArray[np.object_]
    titles: npt.NDArray[np.object_]
    columns: dict[str, npt.NDArray[np.generic]]

    def __len__(self) -> int:
        return len(self.ids)

    def positions(self, movie_ids: npt.NDArray[np.object_]) -> npt.NDArray[np.int32]:
        """Positions of movie ids (bytes) in the catalogue, -1 for an id that it does not hold."""
        return np.fromiter((self._table.get(id_, -1) for id_ in movie_ids), np.int32, len(movie_ids))

    @cached_property
    def _table(self) -> dict[bytes, int]:
        return {movie_id: position for position, movie_id in enumerate(self.ids)}


def read_catalogue(patterns: Sequence[str], transform_output: tft.TFTransformOutput, seed: int) -> Catalogue:
    """Reads `movies` Examples and gives their movies the features that Transform gives rated ones.

    Raises:
      ValueError: if there is no movie or an id comes twice.
    """
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    transform = transform_output.transform_features_layer()
    widths = feature_widths(history_length=0)
    ids, titles, columns = [], [], []
    for serialized in tf.data.TFRecordDataset(files, compression_type="GZIP").batch(READ_BATCH_SIZE):
        raw = tf.io.parse_example(serialized, RAW_SPEC)
        transformed = transform(raw)
        ids.append(raw[features.MOVIE_ID][:, 0].numpy())
        titles.append(raw[features.MOVIE_TITLE][:, 0].numpy())
        movie = densify({name: transformed[name] for name in features.TRANSFORMED_MOVIE_FEATURES}, widths)
        columns.append({name: values.numpy() for name, values in movie.items()})
    if not ids:
        raise ValueError(f"the movies Examples are empty: {', '.join(patterns)}")
    all_ids = np.concatenate(ids)
    order = np.argsort(all_ids)[np.random.default_rng(seed).permutation(len(all_ids))]
    if len(set(all_ids)) < len(all_ids):
        raise ValueError(f"the movies Examples hold {len(all_ids) - len(set(all_ids))} ids twice")
    return Catalogue(
        ids=all_ids[order],
        titles=np.concatenate(titles)[order],
        columns={name: np.concatenate([part[name] for part in columns])[order] for name in columns[0]},
    )
