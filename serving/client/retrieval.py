"""The calls of the retrieval model: lists of movies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from serving.client import contract
from serving.client.batches import check_ids, check_k, chunks, padded
from serving.client.calls import Call, Plan, Version, outputs, predict, responses, served_by
from serving.client.results import MovieList, ScoredMovie, ServedBy


@dataclass(frozen=True)
class Found:
    """What the model found for one user, history or movie: [n] of each, the best first."""

    movie_ids: list[str]
    titles: list[str]
    scores: list[float]
    known: bool | None
    served_by: ServedBy

    def select(self, places: Sequence[int]) -> Found:
        """The movies at these places."""
        return replace(
            self,
            movie_ids=[self.movie_ids[place] for place in places],
            titles=[self.titles[place] for place in places],
            scores=[self.scores[place] for place in places],
        )

    def movie_list(self, k: int) -> MovieList:
        """The first k as a caller gets them."""
        columns = zip(self.movie_ids[:k], self.titles[:k], self.scores[:k], strict=True)
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
    answers = responses((yield [_recommend(users, k, exclude, version) for users in batches]))
    return [
        found
        for users, answer in zip(batches, answers, strict=True)
        for found in _found(answer, len(users), contract.KNOWN_USER)
    ]


def retrieve_from_history(
    histories: Sequence[Sequence[str]], k: int, version: Version, batch_size: int
) -> Plan[list[MovieList]]:
    """The k best movies for people who have seen these movies, oldest first."""
    for history in histories:
        check_ids("history", history)
    check_k(k)
    batches = list(chunks(histories, batch_size))
    name, signature = contract.HISTORY_MOVIE_IDS, contract.RECOMMEND_FROM_HISTORY
    answers = responses(
        (yield [predict(contract.RETRIEVAL, signature, {name: padded(each)}, version) for each in batches])
    )
    return [
        found.movie_list(k)
        for batch, answer in zip(batches, answers, strict=True)
        for found in _found(answer, len(batch))
    ]


def similar(movie_ids: Sequence[str], k: int, version: Version, batch_size: int) -> Plan[list[MovieList]]:
    """The k other movies that are nearest to each movie."""
    check_ids("movie_ids", movie_ids)
    check_k(k)
    batches = list(chunks(movie_ids, batch_size))

    def call(ids: Sequence[str]) -> Call:
        inputs = {contract.MOVIE_ID: np.array(ids, object), contract.K: np.array(k, np.int32)}
        return predict(contract.RETRIEVAL, contract.SIMILAR_MOVIES, inputs, version)

    answers = responses((yield [call(ids) for ids in batches]))
    return [
        found.movie_list(k)
        for ids, answer in zip(batches, answers, strict=True)
        for found in _found(answer, len(ids), contract.KNOWN_MOVIE)
    ]


def _recommend(users: Sequence[str], k: int, exclude: Mapping[str, Sequence[str]], version: Version) -> Call:
    check_k(k)
    rows = [exclude.get(user, ()) for user in users]
    for row in rows:
        check_ids("exclude", row)
    inputs = {
        contract.USER_ID: np.array(users, object),
        contract.EXCLUDE_MOVIE_IDS: padded(rows),
        contract.K: np.array(k, np.int32),
    }
    return predict(contract.RETRIEVAL, contract.RECOMMEND, inputs, version)


def _found(response: Any, size: int, known: str | None = None) -> list[Found]:
    names = (contract.MOVIE_ID, contract.MOVIE_TITLE, contract.SCORE)
    shapes: dict[str, tuple[int | None, ...]] = dict.fromkeys(names, (size, None))
    if known:
        shapes[known] = (size,)
    answer = outputs(response, shapes)
    ids, titles, scores = (answer[name].tolist() for name in names)
    known_rows = answer[known].tolist() if known else [None] * size
    rows = [Found(*row, served_by(response)) for row in zip(ids, titles, scores, known_rows, strict=True)]
    # A slot without an id is one that the model had no movie for.
    return [
        row.select([place for place, each in enumerate(row.movie_ids) if each])
        if "" in row.movie_ids
        else row
        for row in rows
    ]
