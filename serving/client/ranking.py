"""The call of the ranking model, and both stages together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import grpc
import numpy as np

from serving.client import contract
from serving.client.batches import check_ids, check_k, chunks, padded
from serving.client.calls import (
    BrokenContractError,
    Call,
    Outcome,
    Plan,
    Version,
    outputs,
    predict,
    responses,
    served_by,
)
from serving.client.errors import ServingError
from serving.client.results import Ratings, Recommendation, RecommendedMovie
from serving.client.retrieval import Found, candidates

# With these the ranking model is not there, and what was retrieved is still worth showing.
_MISSING: Final = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE)


def rank(
    user_ids: Sequence[str], movie_ids: Sequence[Sequence[str]], version: Version, batch_size: int
) -> Plan[list[Ratings]]:
    """Each user's predicted rating of each of the user's movies."""
    check_ids("user_ids", user_ids)
    if len(user_ids) != len(movie_ids):
        raise ValueError(f"there are {len(user_ids)} users and {len(movie_ids)} lists of movies")
    for row in movie_ids:
        check_ids("movie_ids", row)
    pairs = list(zip(user_ids, movie_ids, strict=True))
    batches = list(chunks(pairs, batch_size))
    answers = responses((yield [_rank(batch, version) for batch in batches]))
    return [
        Ratings(user, tuple(movies), tuple(predicted), served_by(answer))
        for batch, answer in zip(batches, answers, strict=True)
        for (user, movies), predicted in zip(batch, _predicted(answer, batch), strict=True)
    ]


def recommend(
    user_ids: Sequence[str],
    k: int,
    retrieved: int,
    exclude: Mapping[str, Sequence[str]],
    retrieval_version: Version,
    ranking_version: Version,
    batch_size: int,
) -> Plan[list[Recommendation]]:
    """Retrieves movies for each user, orders them by predicted rating and keeps the k best."""
    check_k(k)
    found = yield from candidates(user_ids, max(k, retrieved), exclude, retrieval_version, batch_size)
    unranked = [
        (user, _without(each, exclude.get(user, ()))) for user, each in zip(user_ids, found, strict=True)
    ]
    batches = list(chunks([(user, each) for user, each in unranked if each.movie_ids], batch_size))
    outcomes = yield [
        _rank([(user, each.movie_ids) for user, each in batch], ranking_version) for batch in batches
    ]
    ranked = (
        recommendation
        for batch, outcome in zip(batches, outcomes, strict=True)
        for recommendation in _ranked(batch, outcome, k, may_degrade=ranking_version is None)
    )
    return [next(ranked) if each.movie_ids else _unranked(user, each, k) for user, each in unranked]


def _rank(pairs: Sequence[tuple[str, Sequence[str]]], version: Version) -> Call:
    inputs = {
        contract.USER_ID: np.array([user for user, _ in pairs], object),
        contract.MOVIE_ID: padded([movies for _, movies in pairs]),
    }
    return predict(contract.RANKING, contract.RANK, inputs, version)


def _predicted(response: Any, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[list[float]]:
    """The predicted rating of each user's movies."""
    shape = (len(pairs), max(len(movies) for _, movies in pairs))
    matrix = outputs(response, {contract.USER_RATING: shape})[contract.USER_RATING]
    rows = [row[: len(movies)] for (_, movies), row in zip(pairs, matrix, strict=True)]
    for (user, _), row in zip(pairs, rows, strict=True):
        if not np.isfinite(row).all():
            raise BrokenContractError(
                response.model_spec.name, f"a predicted rating of user {user!r} is not a number"
            )
    return [row.tolist() for row in rows]


def _without(found: Found, excluded: Sequence[str]) -> Found:
    """The movies without those that are excluded, should the model have left one in."""
    hidden = set(excluded).intersection(found.movie_ids)
    if not hidden:
        return found
    return found.select([place for place, movie in enumerate(found.movie_ids) if movie not in hidden])


def _unranked(user_id: str, found: Found, k: int, degraded: str | None = None) -> Recommendation:
    columns = zip(found.movie_ids[:k], found.titles[:k], found.scores[:k], strict=True)
    movies = tuple(RecommendedMovie(*movie, None) for movie in columns)
    return Recommendation(user_id, bool(found.known), movies, found.served_by, None, degraded)


def _ranked(
    batch: Sequence[tuple[str, Found]], outcome: Outcome, k: int, may_degrade: bool
) -> Iterator[Recommendation]:
    if isinstance(outcome, ServingError):
        if not (may_degrade and outcome.code in _MISSING):
            raise outcome
        for user, found in batch:
            yield _unranked(user, found, k, f"in the order of retrieval: {outcome}")
        return
    predicted = _predicted(outcome, [(user, found.movie_ids) for user, found in batch])
    for (user, found), ratings in zip(batch, predicted, strict=True):
        # A stable sort: equal ratings stay in the order of retrieval.
        places = np.argsort(-np.array(ratings), kind="stable")[:k].tolist()
        movies = tuple(
            RecommendedMovie(found.movie_ids[place], found.titles[place], found.scores[place], ratings[place])
            for place in places
        )
        yield Recommendation(
            user, bool(found.known), movies, found.served_by, served_by(outcome), degraded=None
        )
