"""The calls of the retrieval model: lists of movies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from contracts import features, signatures
from serving.client.batches import check_ids, check_k, chunks, padded
from serving.client.calls import (
    BrokenContractError,
    Call,
    Plan,
    Version,
    outputs,
    predict,
    responses,
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
    user_ids: Sequence[str],
    k: int,
    exclude: Mapping[str, Sequence[str]],
    version: Version,
    batch_size: int,
) -> Plan[list[MovieList]]:
    """The k best movies for each user that the user has not rated and that are not excluded."""
    found = yield from candidates(user_ids, k, exclude, version, batch_size)
    return [each.movie_list(k) for each in found]


def candidates(
    user_ids: Sequence[str],
    k: int,
    exclude: Mapping[str, Sequence[str]],
    version: Version,
    batch_size: int,
) -> Plan[list[Found]]:
    """`retrieve` for who goes on with what was found."""
    check_ids("user_ids", user_ids)
    batches = list(chunks(user_ids, batch_size))
    model = signatures.RETRIEVAL
    answers = responses((yield [recommend_call(model, users, k, exclude, version) for users in batches]))
    return [
        found
        for users, answer in zip(batches, answers)
        for found in found_by(answer, len(users), signatures.KNOWN_USER)
    ]


def retrieve_from_history(
    histories: Sequence[Sequence[str]], k: int, version: Version, batch_size: int
) -> Plan[list[MovieList]]:
    """The k best movies for people who have seen these movies, oldest first."""
    for history in histories:
        check_ids("history", history)
    check_k(k)
    batches = list(chunks(histories, batch_size))
    name, signature = features.HISTORY_MOVIE_IDS, signatures.RECOMMEND_FROM_HISTORY
    answers = responses(
        (yield [predict(signatures.RETRIEVAL, signature, {name: padded(each)}, version) for each in batches])
    )
    return [
        found.movie_list(k)
        for batch, answer in zip(batches, answers)
        for found in found_by(answer, len(batch))
    ]


def similar(movie_ids: Sequence[str], k: int, version: Version, batch_size: int) -> Plan[list[MovieList]]:
    """The k other movies that are nearest to each movie."""
    check_ids("movie_ids", movie_ids)
    check_k(k)
    batches = list(chunks(movie_ids, batch_size))

    def call(ids: Sequence[str]) -> Call:
        inputs = {features.MOVIE_ID: np.array(ids, object), signatures.K: np.array(k, np.int32)}
        return predict(signatures.RETRIEVAL, signatures.SIMILAR_MOVIES, inputs, version)

    answers = responses((yield [call(ids) for ids in batches]))
    return [
        found.movie_list(k)
        for ids, answer in zip(batches, answers)
        for found in found_by(answer, len(ids), signatures.KNOWN_MOVIE)
    ]


def recommend_call(
    model: str, users: Sequence[str], k: int, exclude: Mapping[str, Sequence[str]], version: Version
) -> Call:
    """The call of the signature `recommend`, which retrieval has and whatever returns a whole list."""
    check_k(k)
    rows = [exclude.get(user, ()) for user in users]
    for row in rows:
        check_ids("exclude", row)
    inputs = {
        features.USER_ID: np.array(users, object),
        signatures.EXCLUDE_MOVIE_IDS: padded(rows),
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
