"""The calls of the ranking model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
from serving.client.results import Ratings
from serving.client.retrieval import Found


def rank(pairs: Sequence[tuple[str, list[str]]], version: Version) -> Plan[list[Ratings]]:
    """Each user's predicted rating of each of the user's movies."""
    inputs = {
        features.USER_ID: np.array([user for user, _ in pairs], object),
        features.MOVIE_ID: padded([movies for _, movies in pairs]),
    }
    answer = yield predict(signatures.RANKING, signatures.RANK, inputs, version)
    return [
        Ratings(user, tuple(movies), tuple(predicted), served_by(answer))
        for (user, movies), predicted in zip(pairs, _numbers(answer, features.USER_RATING, pairs))
    ]


def rerank_call(rows: Sequence[tuple[str, Found]], version: Version) -> Call:
    """The call that gives what retrieval found for these users its final order."""
    ids = padded([found.movie_ids for _, found in rows])
    scores = np.zeros(ids.shape, np.float32)
    for row, (_, found) in zip(scores, rows):
        row[: len(found.scores)] = found.scores
    inputs = {
        features.USER_ID: np.array([user for user, _ in rows], object),
        features.MOVIE_ID: ids,
        signatures.RETRIEVAL_SCORE: scores,
    }
    return predict(signatures.RANKING, signatures.RERANK, inputs, version)


def reranked(response: Any, rows: Sequence[tuple[str, Found]]) -> list[Found]:
    """What was found for these users in its final order, with the scores of that order and the ratings."""
    pairs = [(user, found.movie_ids) for user, found in rows]
    scores = _numbers(response, signatures.SCORE, pairs)
    ratings = _numbers(response, features.USER_RATING, pairs)
    ordered = []
    for (_, found), own_scores, own_ratings in zip(rows, scores, ratings):
        # A stable sort: equal scores stay in the order of retrieval.
        places = np.argsort(-np.array(own_scores), kind="stable").tolist()
        ordered.append(replace(found, scores=own_scores, ratings=own_ratings).select(places))
    return ordered


def _numbers(response: Any, name: str, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[list[float]]:
    """An output [B, C] about each user's movies, as one list per user."""
    shape = (len(pairs), max(len(movies) for _, movies in pairs))
    matrix = outputs(response, {name: shape})[name]
    rows = [row[: len(movies)] for (_, movies), row in zip(pairs, matrix)]
    for (user, _), row in zip(pairs, rows):
        if not np.isfinite(row).all():
            raise BrokenContractError(
                response.model_spec.name, f"a value of {name} for user {user!r} is not a number"
            )
    return [row.tolist() for row in rows]
