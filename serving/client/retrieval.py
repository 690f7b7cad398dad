"""The calls of the retrieval model: lists of movies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import starmap
from typing import Any

import numpy as np

from contracts import features, signatures
from serving.client.batches import padded
from serving.client.calls import (
    BrokenContractError,
    Call,
    Plan,
    Version,
    outputs,
    predict,
    served_by,
)
from serving.client.results import MovieList, ScoredMovie, ServedBy


@dataclass(frozen=True)
class Found:
    """What a model found for one user, history or movie: [n] of each, the best first."""

    movie_ids: list[str]
    titles: list[str]
    scores: list[float]
    known: bool | None
    served_by: ServedBy
    ratings: list[float] | None = None

    def select(self, places: Sequence[int]) -> Found:
        """The movies at these places."""
        return replace(
            self,
            movie_ids=[self.movie_ids[place] for place in places],
            titles=[self.titles[place] for place in places],
            scores=[self.scores[place] for place in places],
            ratings=None if self.ratings is None else [self.ratings[place] for place in places],
        )

    def without(self, excluded: Sequence[str]) -> Found:
        """The movies without those that are excluded, should the model have left one in."""
        hidden = set(excluded).intersection(self.movie_ids)
        if not hidden:
            return self
        return self.select([place for place, movie in enumerate(self.movie_ids) if movie not in hidden])

    def movie_list(self, k: int) -> MovieList:
        """The first k as a caller gets them."""
        columns = zip(self.movie_ids[:k], self.titles[:k], self.scores[:k])
        return MovieList(tuple(starmap(ScoredMovie, columns)), self.known, self.served_by)


@dataclass(frozen=True)
class ListOutputs:
    """Which outputs of a signature make its lists.

    Attributes:
      titles: whether the titles come with the ids; they are most of the bytes of an answer.
      known: the output with who or what is in the model; None if there is none.
      rated: whether there are predicted ratings, all of which have to be numbers.
    """

    titles: bool
    known: str | None = signatures.KNOWN_USER
    rated: bool = False

    @property
    def columns(self) -> list[str]:
        """The outputs that have a value for each movie of each list."""
        names = [features.MOVIE_ID, signatures.SCORE]
        names += [features.USER_RATING] if self.rated else []
        return names + ([features.MOVIE_TITLE] if self.titles else [])

    @property
    def names(self) -> list[str]:
        """All of the outputs."""
        return [*self.columns, *([self.known] if self.known else [])]


def retrieve(
    users: Sequence[str], k: int, exclude: Mapping[str, Sequence[str]], version: Version, titles: bool
) -> Plan[list[MovieList]]:
    """The k best movies for each user that the user has not rated and that are not excluded."""
    wanted = ListOutputs(titles)
    answer = yield recommend_call(signatures.RETRIEVAL, users, k, exclude, version, wanted)
    return [found.movie_list(k) for found in found_by(answer, len(users), wanted)]


def retrieve_from_history(
    histories: Sequence[Sequence[str]], k: int, version: Version, titles: bool
) -> Plan[list[MovieList]]:
    """The k best movies for people who have seen these movies, oldest first."""
    inputs, wanted = {features.HISTORY_MOVIE_IDS: padded(histories)}, ListOutputs(titles, known=None)
    signature = signatures.RECOMMEND_FROM_HISTORY
    answer = yield predict(signatures.RETRIEVAL, signature, inputs, version, wanted.names)
    return [found.movie_list(k) for found in found_by(answer, len(histories), wanted)]


def similar(movie_ids: Sequence[str], k: int, version: Version, titles: bool) -> Plan[list[MovieList]]:
    """The k other movies that are nearest to each movie."""
    inputs = {features.MOVIE_ID: np.array(movie_ids, object), signatures.K: np.array(k, np.int32)}
    wanted = ListOutputs(titles, signatures.KNOWN_MOVIE)
    answer = yield predict(signatures.RETRIEVAL, signatures.SIMILAR_MOVIES, inputs, version, wanted.names)
    return [found.movie_list(k) for found in found_by(answer, len(movie_ids), wanted)]


def recommend_call(
    model: str,
    users: Sequence[str],
    k: int,
    exclude: Mapping[str, Sequence[str]],
    version: Version,
    wanted: ListOutputs,
) -> Call:
    """The call of the signature `recommend`, which retrieval has and whatever returns a whole list."""
    inputs = {
        features.USER_ID: np.array(users, object),
        signatures.EXCLUDE_MOVIE_IDS: padded([exclude.get(user, ()) for user in users]),
        signatures.K: np.array(k, np.int32),
    }
    return predict(model, signatures.RECOMMEND, inputs, version, wanted.names)


def found_by(response: Any, size: int, wanted: ListOutputs) -> list[Found]:
    """The lists in a response; every title is "" where titles are not wanted.

    Args:
      response: the PredictResponse.
      size: how many lists there have to be.
      wanted: the outputs that the request was for.

    Raises:
      BrokenContractError: the response is not that.
    """
    shapes: dict[str, tuple[int | None, ...]] = dict.fromkeys(wanted.columns, (size, None))
    if wanted.known:
        shapes[wanted.known] = (size,)
    answer = outputs(response, shapes)
    model = served_by(response)
    columns = {name: answer[name].tolist() for name in wanted.columns}
    ids = columns[features.MOVIE_ID]
    titles = columns.get(features.MOVIE_TITLE) or [[""] * len(each) for each in ids]
    known = answer[wanted.known].tolist() if wanted.known else [None] * size
    ratings = columns.get(features.USER_RATING) or [None] * size
    found = []
    for row in map(Found, ids, titles, columns[signatures.SCORE], known, [model] * size, ratings):
        # A slot without an id is one without a movie.
        places = [place for place, each in enumerate(row.movie_ids) if each]
        found.append(row if len(places) == len(row.movie_ids) else row.select(places))
    if wanted.rated and not all(np.isfinite(each.ratings or ()).all() for each in found):
        raise BrokenContractError(model.model, "a predicted rating is not a number")
    return found
