"""The call of the ranking model, and both stages together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
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
from serving.client.results import MovieList, Ratings, Recommendation, RecommendedMovie
from serving.client.retrieval import retrieve

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
        ratings for batch, answer in zip(batches, answers, strict=True) for ratings in _ratings(answer, batch)
    ]


def recommend(
    user_ids: Sequence[str],
    k: int,
    candidates: int,
    exclude: Mapping[str, Sequence[str]],
    retrieval_version: Version,
    ranking_version: Version,
    batch_size: int,
) -> Plan[list[Recommendation]]:
    """Retrieves candidates for each user, orders them by predicted rating and keeps the k best."""
    check_k(k)
    retrieved = yield from retrieve(user_ids, max(k, candidates), exclude, retrieval_version, batch_size)
    unranked = [
        _unranked(user, _without(found, exclude.get(user, ())))
        for user, found in zip(user_ids, retrieved, strict=True)
    ]
    to_rank = [each for each in unranked if each.movies]
    batches = list(chunks(to_rank, batch_size))
    outcomes = yield [
        _rank([(each.user_id, [movie.movie_id for movie in each.movies]) for each in batch], ranking_version)
        for batch in batches
    ]
    ranked = iter(
        [
            each
            for batch, outcome in zip(batches, outcomes, strict=True)
            for each in _ranked(batch, outcome, may_degrade=ranking_version is None)
        ]
    )
    whole = [next(ranked) if each.movies else each for each in unranked]
    return [replace(each, movies=each.movies[:k]) for each in whole]


def _rank(pairs: Sequence[tuple[str, Sequence[str]]], version: Version) -> Call:
    inputs = {
        contract.USER_ID: np.array([user for user, _ in pairs], object),
        contract.MOVIE_ID: padded([movies for _, movies in pairs]),
    }
    return predict(contract.RANKING, contract.RANK, inputs, version)


def _ratings(response: Any, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Ratings]:
    shape = (len(pairs), max(len(movies) for _, movies in pairs))
    matrix = outputs(response, {contract.USER_RATING: shape})[contract.USER_RATING]
    ratings = []
    for (user, movies), row in zip(pairs, matrix, strict=True):
        predicted = row[: len(movies)]
        if not np.isfinite(predicted).all():
            raise BrokenContractError(
                response.model_spec.name, f"a predicted rating of user {user!r} is no number"
            )
        ratings.append(Ratings(user, tuple(movies), tuple(predicted.tolist()), served_by(response)))
    return ratings


def _without(found: MovieList, excluded: Sequence[str]) -> MovieList:
    """The list without the excluded movies, should the model have left one in."""
    hidden = set(excluded)
    return replace(found, movies=tuple(movie for movie in found.movies if movie.movie_id not in hidden))


def _unranked(user_id: str, found: MovieList) -> Recommendation:
    movies = tuple(RecommendedMovie(movie.movie_id, movie.title, movie.score, None) for movie in found.movies)
    return Recommendation(user_id, bool(found.known), movies, found.served_by, None, None)


def _ranked(batch: Sequence[Recommendation], outcome: Outcome, may_degrade: bool) -> list[Recommendation]:
    if isinstance(outcome, ServingError):
        if not (may_degrade and outcome.code in _MISSING):
            raise outcome
        reason = f"in the order of retrieval: {outcome}"
        return [replace(each, degraded=reason) for each in batch]
    pairs = [(each.user_id, [movie.movie_id for movie in each.movies]) for each in batch]
    return [_in_order(each, ratings) for each, ratings in zip(batch, _ratings(outcome, pairs), strict=True)]


def _in_order(unranked: Recommendation, ratings: Ratings) -> Recommendation:
    """The movies by falling predicted rating; equal ones stay in the order of retrieval."""
    movies = [
        replace(movie, predicted_rating=rating)
        for movie, rating in zip(unranked.movies, ratings.predicted_ratings, strict=True)
    ]
    movies.sort(key=lambda movie: -(movie.predicted_rating or 0.0))
    return replace(unranked, movies=tuple(movies), ranking=ratings.served_by)
