"""The two SavedModels in this process: what TensorFlow Serving would answer, without a server."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.client import contract

# The file of user ids, one a line, that the retrieval model looks users up in.
USERS_ASSET: Final = Path("assets", "users.txt")
_GRAPH: Final = "saved_model.pb"

Array = npt.NDArray[Any]


class ModelError(Exception):
    """A folder holds no model that can be used, in one line that says what to do."""


@dataclass(frozen=True)
class Candidates:
    """What the first stage found for B users; an empty slot has an empty id.

    Attributes:
      known: whether each user is in the model, [B].
      movie_ids: [B, K], bytes, the best first.
      titles: [B, K], bytes.
      scores: [B, K].
    """

    known: Array
    movie_ids: Array
    titles: Array
    scores: Array


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


class BatchRetrievalModel:
    """The retrieval model.

    Raises:
      ModelError: the folder holds no retrieval model.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._recommend = _signature(path, contract.RECOMMEND, {contract.USER_ID, contract.K})

    @property
    def users_file(self) -> Path:
        """The model's own table of users, one id a line."""
        file = self.path / USERS_ASSET
        if not file.is_file():
            raise ModelError(f"{self.path} has no table of users ({USERS_ASSET}): name a file with --users")
        return file

    def recommend(self, user_ids: Sequence[bytes], k: int) -> Candidates:
        """The k best movies that each user has not rated, fewer where the catalogue is smaller."""
        import tensorflow as tf

        found = self._recommend(
            **{
                contract.USER_ID: tf.constant(user_ids, tf.string),
                contract.EXCLUDE_MOVIE_IDS: tf.zeros([len(user_ids), 0], tf.string),
                contract.K: tf.constant(k),
            }
        )
        return Candidates(
            *(
                found[name].numpy()
                for name in (contract.KNOWN_USER, contract.MOVIE_ID, contract.MOVIE_TITLE, contract.SCORE)
            )
        )


class BatchRankingModel:
    """The ranking model.

    Raises:
      ModelError: the folder holds no ranking model.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rank = _signature(path, contract.RANK, {contract.USER_ID, contract.MOVIE_ID})

    def rank(self, user_ids: Sequence[bytes], movie_ids: Array) -> Array:
        """User ids [B] and movie ids [B, K] to predicted ratings in stars, [B, K]."""
        import tensorflow as tf

        inputs = {
            contract.USER_ID: tf.constant(user_ids, tf.string),
            contract.MOVIE_ID: tf.constant(movie_ids.astype(object), tf.string, movie_ids.shape),
        }
        ratings: Array = self._rank(**inputs)[contract.USER_RATING].numpy()
        if not np.isfinite(ratings).all():
            raise ModelError(
                f"{self.path}: a predicted rating is not a number; push a model that has not diverged"
            )
        return ratings


def _signature(path: Path, name: str, inputs: set[str]) -> Any:
    # Read when TensorFlow is imported: without it, a screenful about CPUs and graphics cards.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        import tensorflow as tf

    try:
        model = tf.saved_model.load(str(path))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ModelError(f"{path} cannot be loaded as a SavedModel: {str(error).splitlines()[0]}") from error
    signature = model.signatures.get(name)
    if signature is None or not inputs <= set(signature.structured_input_signature[1]):
        there = ", ".join(sorted(model.signatures)) or "none"
        raise ModelError(f"{path} has no signature {name!r} over {', '.join(sorted(inputs))}; it has {there}")
    # A signature lives as long as the object it came from.
    signature.model = model
    return signature
