"""What is known of each user after the last rating of some splits: profile, history, rated movies."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    def users(self) -> npt.NDArray[np.int64]:
        """The place in `ids` of who gave each rating, [N]."""
        return np.repeat(np.arange(len(self.ids)), np.diff(self.row_splits))

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
    batches = examples.batches(names)
    # A split may be empty.
    parts: dict[str, list[npt.NDArray[np.generic]]] = {
        name: [_compact(np.empty(0, spec.dtype.as_numpy_dtype))]
        for name, spec in batches.element_spec.items()
        if name not in (features.USER_ID, features.MOVIE_ID)
    }
    parts |= {name: [np.empty(0, np.int32)] for name in ("user", "position")}
    for batch in batches.as_numpy_iterator():
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
    columns = {name: np.concatenate(part) for name, part in parts.items()}
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


def joined(states: UserStates, others: UserStates) -> UserStates:
    """The ratings of two splits, and each user's profile as of the latest of them all.

    Where both have a user's ratings of one second, those of `others` come last.
    """
    new = ~np.isin(others.ids, states.ids)
    ids = np.concatenate([states.ids, others.ids[new]])
    places = {id_: place for place, id_ in enumerate(ids)}
    rows = np.fromiter((places[id_] for id_ in others.ids), np.int64, len(others.ids))
    users = np.concatenate([states.users, rows[others.users]])
    timestamps = np.concatenate([states.timestamps, others.timestamps])
    order = np.lexsort((timestamps, users))
    row_splits = np.searchsorted(users[order], np.arange(len(ids) + 1)).astype(np.int64)
    # The profile is that of the split with the latest rating.
    of_others = order[row_splits[1:] - 1] >= len(states.positions)
    updated = of_others[rows]
    profile = {
        name: np.concatenate([values, others.profile[name][new]]) for name, values in states.profile.items()
    }
    for name, values in profile.items():
        values[rows[updated]] = others.profile[name][updated]

    def column(name: str) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = np.concatenate([getattr(states, name), getattr(others, name)])[order]
        return values

    return UserStates(
        ids=ids,
        profile=profile,
        row_splits=row_splits,
        positions=column("positions"),
        movie_index=column("movie_index"),
        ratings=column("ratings"),
        timestamps=timestamps[order],
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
