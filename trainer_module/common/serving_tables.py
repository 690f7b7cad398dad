"""Tables inside a SavedModel: users by id, movies by id, with what the models need of each."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from contracts import features
from trainer_module.common.catalogue import Catalogue
from trainer_module.common.inputs import align_right
from trainer_module.common.user_states import UserStates


class UserTable(tf.Module):
    """Users by id. Row 0 is the user that the model has never seen: no profile, no history.

    Args:
      states: what is known of each user.
      history_length: movies of history that a model reads.
      keep_rated: keep all rated movies, to leave them out of the answers; otherwise only the history.
      mean_rating: the mean rating of training, which centred ratings are relative to.
      asset_file: where to write the file of ids, which the SavedModel copies.
    """

    def __init__(
        self,
        states: UserStates,
        *,
        history_length: int,
        keep_rated: bool,
        mean_rating: float,
        asset_file: str,
    ) -> None:
        super().__init__()
        self._history_length = history_length
        self._rows = id_table(states.ids, asset_file)
        self._profile = {
            name: tf.Variable(np.concatenate([np.zeros_like(values[:1]), values]), trainable=False)
            for name, values in states.profile.items()
        }
        kept = np.arange(len(states.positions))
        lengths = np.diff(states.row_splits)
        if not keep_rated:
            from_end = np.repeat(states.row_splits[1:], lengths) - kept
            kept = kept[from_end <= history_length]
            lengths = np.minimum(lengths, history_length)
        splits = np.concatenate([[0, 0], np.cumsum(lengths)]).astype(np.int64)
        self._row_splits = tf.Variable(splits, trainable=False)
        self._positions = tf.Variable(states.positions[kept], trainable=False)
        self._movie_index = tf.Variable(states.movie_index[kept], trainable=False)
        self._rating_centred = tf.Variable(states.ratings[kept] - mean_rating, trainable=False)

    def rows(self, user_id: tf.Tensor) -> tf.Tensor:
        """Ids [B] to rows [B], 0 for an unknown one."""
        return self._rows.lookup(user_id) + 1

    def profile(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
        """Rows [B] to transformed user and context features [B] and history [B, H]."""
        profile = {name: tf.gather(self._profile[name], rows) for name in self._profile}
        for name, values in (
            (features.HISTORY_MOVIE_INDEX, self._movie_index),
            (features.HISTORY_RATING_CENTRED, self._rating_centred),
        ):
            profile[name] = align_right(self._ragged(values, rows), self._history_length)
        return profile

    def rated(self, rows: tf.Tensor) -> tf.RaggedTensor:
        """Rows [B] to the catalogue positions of what each user has rated, ragged [B, None]."""
        return self._ragged(self._positions, rows)

    def _ragged(self, values: tf.Variable, rows: tf.Tensor) -> tf.RaggedTensor:
        starts = tf.gather(self._row_splits, rows)
        return tf.gather(values, tf.ragged.range(starts, tf.gather(self._row_splits, rows + 1)))


class MovieTable(tf.Module):
    """Movies by id. Row 0 is the movie that the catalogue does not hold; row p + 1 is position p."""

    def __init__(self, catalogue: Catalogue, asset_file: str) -> None:
        super().__init__()
        self.size = len(catalogue)
        self._rows = id_table(catalogue.ids, asset_file)
        self._ids = tf.constant([b"", *catalogue.ids])
        self._titles = tf.constant([b"", *catalogue.titles])
        self._columns = {
            name: tf.Variable(np.concatenate([np.zeros_like(values[:1]), values]), trainable=False)
            for name, values in catalogue.columns.items()
        }

    def rows(self, movie_id: tf.Tensor) -> tf.Tensor:
        """Ids [...] to rows [...], 0 for an unknown one."""
        return self._rows.lookup(movie_id) + 1

    def ids(self, rows: tf.Tensor) -> tf.Tensor:
        """Rows [...] to ids [...]."""
        return tf.gather(self._ids, rows)

    def titles(self, rows: tf.Tensor) -> tf.Tensor:
        """Rows [...] to titles [...]."""
        return tf.gather(self._titles, rows)

    def columns(self, rows: tf.Tensor, names: Sequence[str]) -> dict[str, tf.Tensor]:
        """Rows [...] to transformed movie features [..., width]."""
        return {name: tf.gather(self._columns[name], rows) for name in names}


def id_table(ids: npt.NDArray[np.object_], asset_file: str) -> tf.lookup.StaticHashTable:
    """A table from id to position, -1 for an unknown id, from a file that the SavedModel carries."""
    with open(asset_file, "wb") as file:
        file.writelines(id_ + b"\n" for id_ in ids)
    initializer = tf.lookup.TextFileInitializer(
        asset_file,
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    return tf.lookup.StaticHashTable(initializer, default_value=-1)
