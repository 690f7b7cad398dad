"""What is known of each user after the last rating of some splits: profile, history, rated movies."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts import features
from trainer_module.common.catalogue import Catalogue
from trainer_module.common.inputs import TransformedExamples

PROFILE_FEATURES = features.TRANSFORMED_USER_FEATURES + features.TRANSFORMED_CONTEXT_FEATURES


@dataclass(frozen=True)
class UserStates:
    """U users; their ratings lie one user after the other, each user's in the order of time.

    Ratings given in the same second keep the order in which the Examples hold them.

    Attributes:
      ids: user ids, bytes [U].
      profile: transformed user and context features by name as of the latest rating, [U].
      row_splits: where each user's ratings start, [U + 1].
      positions: catalogue position of each rated movie, [N].
      movie_index: vocabulary index of each rated movie, [N].
      ratings: ratings on the data set's scale, [N].
      timestamps: UTC seconds, [N].
    """

    ids: npt.NDArray[np.object_]
    profile: dict[str, npt.NDArray[np.generic]]
    row_splits: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int32]
    movie_index: npt.NDArray[np.int32]
    ratings: npt.NDArray[np.float32]
    timestamps: npt.NDArray[np.int64]

    def with_profile(self, columns: Mapping[str, npt.NDArray[np.generic]]) -> "UserStates":
        """The same with more columns of the profile, or others, [U]."""
        return dataclasses.replace(self, profile={**self.profile, **columns})

    def where(self, kept: npt.NDArray[np.bool_]) -> "UserStates":
        """The same users with the ratings for which `kept` [N] holds, perhaps none."""
        before = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
        return dataclasses.replace(
            self,
            row_splits=before[self.row_splits],
            positions=self.positions[kept],
            movie_index=self.movie_index[kept],
            ratings=self.ratings[kept],
            timestamps=self.timestamps[kept],
        )

    @property
    def mean_rating(self) -> float:
        """Mean of all ratings held."""
        return float(self.ratings.mean(dtype=np.float64))


def read_user_states(examples: TransformedExamples, catalogue: Catalogue) -> UserStates:
    """Collects the states in one pass over the Examples; about 60 bytes a rating are held.

    Raises:
      ValueError: if a rated movie is not in the catalogue.
    """
    names = (
        *PROFILE_FEATURES,
        features.USER_ID,
        features.MOVIE_ID,
        features.MOVIE_INDEX,
        features.TIMESTAMP,
        features.USER_RATING,
    )
    user_rows: dict[bytes, int] = {}
    parts: dict[str, list[npt.NDArray[np.generic]]] = {name: [] for name in (*names, "user", "position")}
    for batch in examples.batches(names).as_numpy_iterator():
        users = batch.pop(features.USER_ID)
        movies = batch.pop(features.MOVIE_ID)
        parts["user"].append(
            np.fromiter((user_rows.setdefault(id_, len(user_rows)) for id_ in users), np.int32, len(users))
        )
        positions = catalogue.positions(movies)
        if (positions < 0).any():
            missing = movies[int(np.argmin(positions))].decode()
            raise ValueError(f"movie {missing} is rated but is not among the movies Examples")
        parts["position"].append(positions)
        for name, values in batch.items():
            parts[name].append(_compact(values))
    columns = {name: np.concatenate(part) for name, part in parts.items() if part}
    order = np.lexsort((columns[features.TIMESTAMP], columns["user"]))
    columns = {name: values[order] for name, values in columns.items()}
    row_splits = np.searchsorted(columns["user"], np.arange(len(user_rows) + 1)).astype(np.int64)
    latest = row_splits[1:] - 1
    return UserStates(
        ids=np.array(list(user_rows), dtype=np.object_),
        profile={name: columns[name][latest] for name in PROFILE_FEATURES},
        row_splits=row_splits,
        positions=columns["position"].astype(np.int32),
        movie_index=columns[features.MOVIE_INDEX].astype(np.int32),
        ratings=columns[features.USER_RATING].astype(np.float32),
        timestamps=columns[features.TIMESTAMP].astype(np.int64),
    )


def with_newcomers(states: UserStates, later: UserStates) -> UserStates:
    """The users of `later` beside those of `states`: who they are is known, what they will rate is not."""
    new = np.flatnonzero(~np.isin(later.ids, states.ids))
    profile = {
        name: np.concatenate([values, later.profile[name][new]]) for name, values in states.profile.items()
    }
    for name in set(profile) - set(features.TRANSFORMED_USER_FEATURES):
        profile[name][len(states.ids) :] = 0
    return dataclasses.replace(
        states,
        ids=np.concatenate([states.ids, later.ids[new]]),
        profile=profile,
        row_splits=np.pad(states.row_splits, (0, len(new)), mode="edge"),
    )


def _compact(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Indices as int32; only the timestamp needs more than that."""
    fits = values.dtype == np.int64 and values.max(initial=0) < np.iinfo(np.int32).max
    return values.astype(np.int32) if fits else values
