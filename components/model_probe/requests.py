"""The requests that a signature is sent: real rows and odd ones, made from the names of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.model_probe.probe_data import ProbeData, pair_of
from components.model_probe.probed_process import Arrays
from contracts import features, signatures

# Ids that no data set has: empty, of other alphabets, very long, not even text.
ODD_IDS: Final = (
    b"",
    b"no such id",
    "użytkownik ☃ 用户\u2028".encode(),
    b"0" * 10_000,
    b"\xff\xfe",
    b"-1",
    b"' OR 1=1 --",
)
# How many of a list, candidates of a user, and rows of a request that is neither small nor large.
K: Final = 10
CANDIDATES: Final = 100
SOME: Final = 32

_NONE: Final[frozenset[bytes]] = frozenset()
_OPTIONAL: Final = (
    *features.DEMOGRAPHICS,
    features.MOVIE_GENRES,
    features.MOVIE_RELEASE_YEAR,
    features.HISTORY_MOVIE_IDS,
    features.HISTORY_RATINGS,
)


@dataclass(frozen=True)
class Request:
    """A request, and what is known of its answer.

    Attributes:
      label: what it is, for people.
      inputs: by name.
      rows: size of the batch.
      width: length of a list or number of candidates, None where the signature decides.
      known: which rows are of a user or a movie that the model must have; None where it need not report it.
      hidden: by row, movies that must not be in the answer.
      may_lack: by row, movies that need not be in it, those that are hidden included.
    """

    label: str
    inputs: Arrays
    rows: int
    width: int | None = None
    known: Sequence[bool] | None = None
    hidden: Sequence[frozenset[bytes]] = field(default=())
    may_lack: Sequence[frozenset[bytes]] = field(default=())


class Requests:
    """Makes requests of real rows.

    Args:
      data: where the rows come from.
      hides_rated: the model leaves out everything that a user has rated, by itself.
    """

    def __init__(self, data: ProbeData, hides_rated: bool) -> None:
        self._data, self._hides_rated = data, hides_rated
        self._pairs = [pair_of(row) for row in data.rows]
        self._movies = list(data.movies)
        self._by_inputs: Mapping[frozenset[str], Callable[[], Iterator[Request]]] = {
            frozenset({features.USER_ID}): self._of_users,
            frozenset({features.USER_ID, signatures.EXCLUDE_MOVIE_IDS, signatures.K}): self._of_users_and_k,
            frozenset({features.HISTORY_MOVIE_IDS}): self._of_histories,
            frozenset({features.MOVIE_ID, signatures.K}): self._of_movies_and_k,
            frozenset({features.USER_ID, features.MOVIE_ID}): self._of_candidates,
            frozenset(
                {features.USER_ID, features.MOVIE_ID, signatures.RETRIEVAL_SCORE}
            ): self._of_scored_candidates,
            frozenset({signatures.EXAMPLES}): self._of_examples,
        }

    def of(self, inputs: Sequence[str]) -> list[Request] | None:
        """The requests for a signature with these inputs, the smallest real one first; None if unknown."""
        make = self._by_inputs.get(frozenset(inputs))
        return list(make()) if make else None

    def for_user(self, user: bytes, k: int) -> Request:
        """A list of length `k` for one user, with nothing excluded."""
        return self._users_and_k("the whole catalogue", [user], [[]], k)

    def for_movie(self, movie: bytes, k: int) -> Request:
        """The `k` movies like one."""
        return self._movies_and_k("the whole catalogue", [movie], k)

    @property
    def _users(self) -> list[bytes]:
        return [user for user, _ in self._pairs]

    def _lengths(self) -> Iterator[int]:
        """Of lists: none, one, the whole catalogue and more, as far as a request may ask for it."""
        for k in (0, 1, len(self._movies), len(self._movies) + 7):
            yield min(k, signatures.MAX_SLOTS)

    def _batches(self, values: Sequence[Any]) -> Iterator[tuple[str, list[Any]]]:
        """Real values: one first, which is what latency is measured with, then none, some and many."""
        repeated = list(values) * (-(-1_000 // max(1, len(values))))
        for size in (1, 0, SOME, 1_000):
            yield f"{size:,} real row{'' if size == 1 else 's'}", repeated[:size]

    def _of_users(self) -> Iterator[Request]:
        for label, users in (*self._batches(self._users), ("odd ids", list(ODD_IDS))):
            rated = [self._data.rated.get(user, _NONE) for user in users]
            yield Request(
                label,
                {features.USER_ID: texts(users)},
                len(users),
                known=[user in self._data.rated for user in users],
                hidden=rated if self._hides_rated else [_NONE] * len(users),
                may_lack=rated,
            )

    def _of_users_and_k(self) -> Iterator[Request]:
        for label, users in (*self._batches(self._users), ("odd ids", list(ODD_IDS))):
            yield self._users_and_k(label, users, [self._movies[:2]] * len(users), K)
        users, some = self._users[:2], self._movies
        yield self._users_and_k("odd exclusions", users, [[*ODD_IDS, some[0], some[0]]] * 2, K)
        most = users[: _rows_of(len(some))]
        yield self._users_and_k("everything excluded", most, [some[: signatures.MAX_SLOTS]] * len(most), K)
        for k in self._lengths():
            rows = [*users, b"no such id"][: _rows_of(k)]
            yield self._users_and_k(f"k of {k:,}", rows, [[]] * len(rows), k)

    def _users_and_k(
        self, label: str, users: Sequence[bytes], excluded: Sequence[Sequence[bytes]], k: int
    ) -> Request:
        rated = [self._data.rated.get(user, _NONE) for user in users]
        also = [frozenset(ids) for ids in excluded]
        return Request(
            label,
            {
                features.USER_ID: texts(users),
                signatures.EXCLUDE_MOVIE_IDS: table(excluded),
                signatures.K: np.array(k, np.int32),
            },
            len(users),
            width=min(k, len(self._movies)),
            known=[user in self._data.rated for user in users],
            hidden=[
                (mine if self._hides_rated else _NONE) | more for mine, more in zip(rated, also, strict=True)
            ],
            may_lack=[mine | more for mine, more in zip(rated, also, strict=True)],
        )

    def _of_histories(self) -> Iterator[Request]:
        latest = slice(-signatures.MAX_SLOTS // signatures.MAX_ROWS, None)
        histories = [
            [*_texts(row, features.HISTORY_MOVIE_IDS), pair_of(row)[1]][latest] for row in self._data.rows
        ]
        odd: list[list[bytes]] = [[], [b""], list(ODD_IDS), [self._movies[0]] * 3, [b"", self._movies[-1]]]
        for label, lists in (
            *self._batches(histories),
            ("odd histories", odd),
            ("no column", [[], []]),
            ("everything watched", [self._movies[: signatures.MAX_SLOTS]]),
        ):
            hidden = [frozenset(ids) for ids in lists]
            yield Request(
                label,
                {features.HISTORY_MOVIE_IDS: table(lists)},
                len(lists),
                hidden=hidden,
                may_lack=hidden,
            )

    def _of_movies_and_k(self) -> Iterator[Request]:
        for label, movies in (*self._batches(self._movies), ("odd ids", list(ODD_IDS))):
            yield self._movies_and_k(label, movies, K)
        for k in self._lengths():
            rows = [*self._movies[:2], b"no such id"][: _rows_of(k)]
            yield self._movies_and_k(f"k of {k:,}", rows, k)

    def _movies_and_k(self, label: str, movies: Sequence[bytes], k: int) -> Request:
        known = [movie in self._data.movies for movie in movies]
        everything = frozenset(self._movies)
        return Request(
            label,
            {features.MOVIE_ID: texts(movies), signatures.K: np.array(k, np.int32)},
            len(movies),
            width=min(k, len(self._movies)),
            known=known,
            hidden=[
                frozenset({movie}) if is_known else _NONE
                for movie, is_known in zip(movies, known, strict=True)
            ],
            # Nothing is like a movie that is not in the catalogue.
            may_lack=[
                frozenset({movie}) if is_known else everything
                for movie, is_known in zip(movies, known, strict=True)
            ],
        )

    def _of_candidates(self) -> Iterator[Request]:
        candidates = self._movies[:CANDIDATES]
        for label, users in self._batches(self._users):
            # A million ratings at once are nobody's request.
            yield _candidates(label, users, candidates if len(users) <= SOME else candidates[:K])
        yield _candidates("odd ids", ODD_IDS, [*candidates[:2], *ODD_IDS, candidates[0]])
        yield _candidates("no candidates", self._users[:2], [])
        yield _candidates("the whole catalogue", [self._users[0]], self._movies[: signatures.MAX_SLOTS])

    def _of_scored_candidates(self) -> Iterator[Request]:
        for request in self._of_candidates():
            shape = request.inputs[features.MOVIE_ID].shape
            # Descending, as retrieval returns them.
            scores = np.broadcast_to(-np.arange(shape[1], dtype=np.float32), shape)
            yield replace(request, inputs={**request.inputs, signatures.RETRIEVAL_SCORE: scores.copy()})

    def _of_examples(self) -> Iterator[Request]:
        odd = [
            _changed(self._data.rows[0], user, movie)
            for user, movie in zip(ODD_IDS, ODD_IDS[::-1], strict=True)
        ]
        for label, rows in (
            *self._batches(self._data.rows),
            ("rows without what is optional", [_without_optional(row) for row in self._data.rows[:SOME]]),
            ("odd ids", odd),
        ):
            yield Request(
                label,
                {signatures.EXAMPLES: texts(rows)},
                len(rows),
                may_lack=[self._data.rated.get(pair_of(row)[0], _NONE) for row in rows],
            )


def _rows_of(width: int) -> int:
    """How many rows of this width one request may have, 1 at least."""
    return max(1, signatures.MAX_SLOTS // max(1, width))


def texts(values: Sequence[bytes]) -> npt.NDArray[Any]:
    """A vector of bytes objects."""
    found = np.empty(len(values), object)
    found[:] = values
    return found


def table(rows: Sequence[Sequence[bytes]]) -> npt.NDArray[Any]:
    """A matrix of bytes objects; shorter rows are padded with empty texts."""
    found = np.full((len(rows), max(map(len, rows), default=0)), b"", object)
    for row, values in enumerate(rows):
        found[row, : len(values)] = values
    return found


def _candidates(label: str, users: Sequence[bytes], movies: Sequence[bytes]) -> Request:
    return Request(
        label,
        {
            features.USER_ID: texts(users),
            features.MOVIE_ID: table([movies] * len(users)).reshape(len(users), len(movies)),
        },
        len(users),
        width=len(movies),
    )


def _texts(row: bytes, name: str) -> Sequence[bytes]:
    values: Sequence[bytes] = tf.train.Example.FromString(row).features.feature[name].bytes_list.value
    return values


def _changed(row: bytes, user: bytes, movie: bytes) -> bytes:
    """The same Example of another user and movie, with odd texts everywhere."""
    example = tf.train.Example.FromString(row)
    found = example.features.feature
    for name, value in ((features.USER_ID, user), (features.MOVIE_ID, movie), (features.MOVIE_TITLE, user)):
        found[name].bytes_list.value[:] = [value]
    for name in (features.MOVIE_GENRES, features.HISTORY_MOVIE_IDS):
        found[name].bytes_list.value[:] = [user, movie]
    found[features.HISTORY_RATINGS].float_list.value[:] = [1.0, 5.0]
    serialized: bytes = example.SerializeToString()
    return serialized


def _without_optional(row: bytes) -> bytes:
    """The Example with nothing but what every data set has, and without the rating to predict."""
    example = tf.train.Example.FromString(row)
    for name in (*_OPTIONAL, features.USER_RATING):
        if name in example.features.feature:
            del example.features.feature[name]
    serialized: bytes = example.SerializeToString()
    return serialized
