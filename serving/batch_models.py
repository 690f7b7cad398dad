"""The SavedModels in this process: what TensorFlow Serving would answer, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from contracts import features, signatures

# The file of user ids, one a line, that the retrieval model looks users up in.
USERS_ASSET: Final = Path("assets", "users.txt")
_GRAPH: Final = "saved_model.pb"

Array = npt.NDArray[Any]


class ModelError(Exception):
    """A folder does not hold a model that can be used, in one line with what to do."""


@dataclass(frozen=True)
class UserLists:
    """The lists of B users; an empty slot has an empty id.

    Attributes:
      known: whether each user is in the model, [B].
      movie_ids: [B, K], bytes, the best first.
      titles: [B, K], bytes.
      scores: what they are ordered by, [B, K].
      ratings: predicted, in stars, [B, K]; None from retrieval.
    """

    known: Array
    movie_ids: Array
    titles: Array
    scores: Array
    ratings: Array | None


def newest_version(folder: Path) -> Path:
    """The SavedModel in a folder: the folder itself, or the highest number below it.

    Raises:
      ModelError: there is none.
    """
    if (folder / _GRAPH).is_file():
        return folder
    if not folder.is_dir():
        raise ModelError(
            f"{folder} is not a folder: name a SavedModel, or the folder that holds its versions"
        )
    versions = [path for path in folder.iterdir() if path.name.isdecimal() and (path / _GRAPH).is_file()]
    if not versions:
        raise ModelError(f"{folder} holds neither {_GRAPH} nor a version such as {folder / '1' / _GRAPH}")
    return max(versions, key=lambda path: int(path.name))


class BatchListModel:
    """A model that returns lists: the recommender with ratings, or the retrieval model without.

    Raises:
      ModelError: the folder does not hold such a model.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._recommend = _signature(path, signatures.RECOMMEND, {features.USER_ID, signatures.K})

    @property
    def users_file(self) -> Path:
        """The model's own table of users, one id a line."""
        file = self.path / USERS_ASSET
        if not file.is_file():
            raise ModelError(
                f"{self.path} does not have a table of users ({USERS_ASSET}): name a file with --users"
            )
        return file

    @property
    def rates(self) -> bool:
        """Whether the lists have predicted ratings, which those of retrieval lack."""
        return features.USER_RATING in self._recommend.structured_outputs

    def recommend(self, user_ids: Sequence[bytes], k: int) -> UserLists:
        """The k best movies that each user has not rated, fewer where the catalogue is smaller.

        Raises:
          ModelError: a predicted rating is not a number.
        """
        import tensorflow as tf

        found = self._recommend(
            **{
                features.USER_ID: tf.constant(user_ids, tf.string),
                signatures.EXCLUDE_MOVIE_IDS: tf.zeros([len(user_ids), 0], tf.string),
                signatures.K: tf.constant(k),
            }
        )
        names = (signatures.KNOWN_USER, features.MOVIE_ID, features.MOVIE_TITLE, signatures.SCORE)
        known, movie_ids, titles, scores = (found[name].numpy() for name in names)
        ratings = found[features.USER_RATING].numpy() if self.rates else None
        if ratings is not None:
            _check_numbers(self.path, ratings[movie_ids != b""])
        return UserLists(known, movie_ids, titles, scores, ratings)


class BatchRankingModel:
    """The ranking model.

    Raises:
      ModelError: the folder does not hold one with the final order.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        inputs = {features.USER_ID, features.MOVIE_ID}
        self._rerank = _signature(path, signatures.RERANK, {*inputs, signatures.RETRIEVAL_SCORE})
        self._rank = self._rerank.model.signatures[signatures.RANK]

    def rerank(self, user_ids: Sequence[bytes], found: UserLists) -> UserLists:
        """What retrieval found for these users in its final order, empty slots at the end.

        Raises:
          ModelError: a predicted rating is not a number.
        """
        import tensorflow as tf

        inputs = {
            features.USER_ID: tf.constant(user_ids, tf.string),
            features.MOVIE_ID: tf.constant(found.movie_ids.astype(object), tf.string, found.movie_ids.shape),
            signatures.RETRIEVAL_SCORE: tf.constant(found.scores, tf.float32),
        }
        answer = self._rerank(**inputs)
        scores, ratings = (answer[name].numpy() for name in (signatures.SCORE, features.USER_RATING))
        empty = found.movie_ids == b""
        _check_numbers(self.path, ratings[~empty])
        # Stable, so equal scores stay in the order of retrieval.
        order = np.argsort(np.where(empty, np.inf, -scores), axis=1, kind="stable")

        def sort(values: Array) -> Array:
            return np.take_along_axis(values, order, axis=1)

        return UserLists(found.known, sort(found.movie_ids), sort(found.titles), sort(scores), sort(ratings))

    def rank(self, user_ids: Sequence[bytes], movie_ids: Array) -> Array:
        """User ids [B] and movie ids [B, K] to predicted ratings in stars, [B, K]."""
        import tensorflow as tf

        inputs = {
            features.USER_ID: tf.constant(user_ids, tf.string),
            features.MOVIE_ID: tf.constant(movie_ids.astype(object), tf.string, movie_ids.shape),
        }
        ratings: Array = self._rank(**inputs)[features.USER_RATING].numpy()
        _check_numbers(self.path, ratings)
        return ratings


def _check_numbers(path: Path, ratings: Array) -> None:
    if not np.isfinite(ratings).all():
        raise ModelError(f"{path}: a predicted rating is not a number; push a model that has not diverged")


def _signature(path: Path, name: str, inputs: set[str]) -> Any:
    import tensorflow as tf

    try:
        model = tf.saved_model.load(str(path))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ModelError(f"{path} cannot be loaded as a SavedModel: {str(error).splitlines()[0]}") from error
    signature = model.signatures.get(name)
    if signature is None or not inputs <= set(signature.structured_input_signature[1]):
        there = ", ".join(sorted(model.signatures)) or "none"
        raise ModelError(
            f"{path} does not have the signature {name!r} over {', '.join(sorted(inputs))}; it has {there}"
        )
    # A signature works as long as the object it came from exists.
    signature.model = model
    return signature
