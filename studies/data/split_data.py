"""A split as arrays, in the order of its Examples; free of TensorFlow, to measure a baseline's memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SplitRatings:
    """Ratings as columns of equal length.

    Attributes:
      user: [n] position of the user among all users.
      movie: [n] position of the movie in the catalogue.
      rating: [n] stars.
      timestamp: [n] UTC seconds.
    """

    user: Ints
    movie: Ints
    rating: Floats
    timestamp: Ints

    def __len__(self) -> int:
        return len(self.user)

    def where(self, mask: Bools) -> "SplitRatings":
        """The ratings that `mask` [n] marks."""
        return SplitRatings(self.user[mask], self.movie[mask], self.rating[mask], self.timestamp[mask])


@dataclass(frozen=True)
class SplitData:
    """The train and the eval split over one numbering of users and movies.

    Attributes:
      user_ids: bytes [U], of both splits.
      movie_ids: bytes [M], the whole catalogue, rated or not.
      train: what a model may be fitted and tuned on.
      evaluation: what it is measured on.
    """

    user_ids: npt.NDArray[np.bytes_]
    movie_ids: npt.NDArray[np.bytes_]
    train: SplitRatings
    evaluation: SplitRatings

    def write(self, path: Path) -> None:
        """Writes the arrays to an `.npz` file."""
        columns = {
            f"{split}_{name}": column
            for split, ratings in (("train", self.train), ("evaluation", self.evaluation))
            for name, column in vars(ratings).items()
        }
        np.savez(path, user_ids=self.user_ids, movie_ids=self.movie_ids, **columns)

    @classmethod
    def read(cls, path: Path) -> "SplitData":
        """Reads what `write` wrote."""
        with np.load(path) as arrays:
            train, evaluation = (
                SplitRatings(*(arrays[f"{split}_{name}"] for name in SplitRatings.__dataclass_fields__))
                for split in ("train", "evaluation")
            )
            return cls(arrays["user_ids"], arrays["movie_ids"], train, evaluation)


# One rating a user is too few to choose by: on ML-100k the metrics of one setting would scatter by a tenth.
LAST_ONES: Final = 5


def validation_cut(data: SplitData, split: str, seed: int, share: float = 0.2) -> SplitData:
    """Cuts validation ratings from the train split in the way in which the eval split was cut.

    Args:
      data: the split; its eval ratings are not looked at.
      split: the split rule of the ExampleGen.
      seed: of a random cut.
      share: of the train split; under `leave_last_out` of each user, but `LAST_ONES` at most.

    Returns:
      The same users and movies, with a part of the train split as `evaluation`.
    """
    train = data.train
    if split == "leave_last_out":
        out = _last_ones(train, share)
    elif split == "temporal":
        out = np.zeros(len(train), np.bool_)
        out[np.argsort(train.timestamp, kind="stable")[round(len(train) * (1 - share)) :]] = True
    else:
        out = np.random.default_rng(seed).random(len(train)) < share
    return SplitData(data.user_ids, data.movie_ids, train.where(~out), train.where(out))


def _last_ones(ratings: SplitRatings, share: float) -> Bools:
    """Marks the last ratings of each user who has two or more, at least one and at most `LAST_ONES`."""
    counts = np.bincount(ratings.user)
    held_out = np.where(counts > 1, np.clip((share * counts).astype(np.int64), 1, LAST_ONES), 0)
    order = np.lexsort((ratings.timestamp, ratings.user))
    users = ratings.user[order]
    from_end = np.cumsum(counts)[users] - np.arange(len(users))
    out = np.zeros(len(users), np.bool_)
    out[order] = from_end <= held_out[users]
    return out
