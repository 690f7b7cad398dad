"""The calls of the retrieval model: lists of movies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
        return MovieList(tuple(ScoredMovie(*movie) for movie in columns), self.known, self.served_by)


def retrieve(
    users: Sequence[str], k: int, exclude: Mapping[str, Sequence[str]], version: Version
) -> Plan[list[MovieList]]:
    """The k best movies for each user that the user has not rated and that are not excluded."""
    answer = yield recommend_call(signatures.RETRIEVAL, users, k, exclude, version)
    return [found.movie_list(k) for found in found_by(answer, len(users), signatures.KNOWN_USER)]


def retrieve_from_history(
    histories: Sequence[Sequence[str]], k: int, version: Version
) -> Plan[list[MovieList]]:
    """The k best movies for people who have seen these movies, oldest first."""
    inputs = {features.HISTORY_MOVIE_IDS: padded(histories)}
    answer = yield predict(signatures.RETRIEVAL, signatures.RECOMMEND_FROM_HISTORY, inputs, version)
    return [found.movie_list(k) for found in found_by(answer, len(histories))]


def similar(movie_ids: Sequence[str], k: int, version: Version) -> Plan[list[MovieList]]:
    """The k other movies that are nearest to each movie."""
    inputs = {features.MOVIE_ID: np.array(movie_ids, object), signatures.K: np.array(k, np.int32)}
    answer = yield predict(signatures.RETRIEVAL, signatures.SIMILAR_MOVIES, inputs, version)
    return [found.movie_list(k) for found in found_by(answer, len(movie_ids), signatures.KNOWN_MOVIE)]


def recommend_call(
    model: str, users: Sequence[str], k: int, exclude: Mapping[str, Sequence[str]], version: Version
) -> Call:
    """The call of the signature `recommend`, which retrieval has and whatever returns a whole list."""
    inputs = {
        features.USER_ID: np.array(users, object),
        signatures.EXCLUDE_MOVIE_IDS: padded([exclude.get(user, ()) for user in users]),
        signatures.K: np.array(k, np.int32),
    }
    return predict(model, signatures.RECOMMEND, inputs, version)


def found_by(response: Any, size: int, known: str | None = None, *, rated: bool = False) -> list[Found]:
    """The lists in a response.

    Args:
      response: the PredictResponse.
      size: how many lists there have to be.
      known: the output with who or what is in the model; None if there is none.
      rated: whether the response has predicted ratings, all of which have to be numbers.

    Raises:
      BrokenContractError: the response is not that.
    """
    names = [features.MOVIE_ID, features.MOVIE_TITLE, signatures.SCORE]
    names += [features.USER_RATING] if rated else []
    shapes: dict[str, tuple[int | None, ...]] = dict.fromkeys(names, (size, None))
    if known:
        shapes[known] = (size,)
    answer = outputs(response, shapes)
    model = served_by(response)
    found = []
    for row in range(size):
        ids, titles, scores, *ratings = (answer[name][row].tolist() for name in names)
        whole = Found(ids, titles, scores, answer[known][row].item() if known else None, model, *ratings)
        # A slot without an id is one without a movie.
        places = [place for place, each in enumerate(ids) if each]
        found.append(whole if len(places) == len(ids) else whole.select(places))
    if rated and not all(np.isfinite(each.ratings or ()).all() for each in found):
        raise BrokenContractError(model.model, "a predicted rating is not a number")
    return found
