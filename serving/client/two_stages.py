"""The list from two models: one retrieves, the other gives what was found its final order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import starmap
from typing import Any, Final

import grpc

from contracts import signatures
from serving.client.calls import Plan, Version, served_by
from serving.client.errors import ServingError
from serving.client.ranking import rerank_call, reranked
from serving.client.results import Order, Recommendation, RecommendedMovie, ServedBy
from serving.client.retrieval import Found, ListOutputs, found_by, recommend_call

# With these the final order cannot be had: ranking is not there, is older than `rerank`, is at a limit or too
# slow. What was retrieved is still worth showing.
_WITHOUT_RANKING: Final = (
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)
# What retrieval may take of the time, so that ranking has a part of it, and what ranking may leave over, so
# that the list of retrieval is there in time.
_OF_RETRIEVAL: Final = 0.6
_OF_RANKING: Final = 0.95

Row = tuple[str, Found]


def recommend_in_two_stages(
    users: Sequence[str],
    k: int,
    retrieved: int,
    exclude: Mapping[str, Sequence[str]],
    retrieval_version: Version,
    ranking_version: Version,
    titles: bool,
) -> Plan[list[Recommendation]]:
    """Retrieves movies for each user, has the same version of ranking order them, and keeps the k best.

    The models of one run share a version number, so the version that retrieved is the one that has to order.
    Where the server does not have it, the latest does it and the result shows it.

    Raises:
      ServingError: a stage failed, or a version that was requested is missing.
    """
    model, wanted = signatures.RETRIEVAL, ListOutputs(titles)
    call = recommend_call(model, users, max(k, retrieved), exclude, retrieval_version, wanted)
    answer = yield replace(call, share=_OF_RETRIEVAL)
    found = found_by(answer, len(users), wanted)
    rows = [(user, each.without(exclude.get(user, ()))) for user, each in zip(users, found)]
    # Nothing is ordered for a user for whom nothing was found.
    filled = [row for row in rows if row[1].movie_ids]
    ordered = (yield from _ordered(filled, k, ranking_version)) if filled else {}
    return [
        ordered.get(user) or as_recommendation(user, each, k, retrieval=each.served_by) for user, each in rows
    ]


def _ordered(rows: Sequence[Row], k: int, ranking_version: Version) -> Plan[dict[str, Recommendation]]:
    """The lists by user in the final order, or in that of retrieval where ranking cannot be had."""
    wanted = rows[0][1].served_by.version
    try:
        answer = yield from _reranked(rows, wanted, ranking_version)
    except ServingError as error:
        if ranking_version is not None or error.code not in _WITHOUT_RANKING:
            raise
        why = f"in the order of retrieval: {error}"
        return {
            user: as_recommendation(
                user, found, k, order="retrieval", retrieval=found.served_by, degraded=why
            )
            for user, found in rows
        }
    ranking = served_by(answer)
    mixed = None
    if ranking.version != wanted:
        mixed = f"retrieval is of version {wanted} and ranking of {ranking.version}"
    return {
        user: as_recommendation(user, found, k, retrieval=found.served_by, ranking=ranking, degraded=mixed)
        for (user, _), found in zip(rows, reranked(answer, rows))
    }


def _reranked(rows: Sequence[Row], wanted: int, ranking_version: Version) -> Plan[Any]:
    """The response of the version that is asked for, or else of the latest."""
    if ranking_version is not None:
        return (yield replace(rerank_call(rows, ranking_version), share=_OF_RANKING))
    try:
        return (yield replace(rerank_call(rows, wanted), share=_OF_RANKING))
    except ServingError as error:
        if error.code is not grpc.StatusCode.NOT_FOUND:
            raise
    return (yield replace(rerank_call(rows, None), share=_OF_RANKING))


def as_recommendation(
    user_id: str,
    found: Found,
    k: int,
    *,
    order: Order = "final",
    recommender: ServedBy | None = None,
    retrieval: ServedBy | None = None,
    ranking: ServedBy | None = None,
    degraded: str | None = None,
) -> Recommendation:
    """The first k movies that were found, as a caller gets them."""
    ratings: Sequence[float | None] = found.ratings or [None] * len(found.movie_ids)
    columns = zip(found.movie_ids[:k], found.titles[:k], found.scores[:k], ratings[:k])
    movies = tuple(starmap(RecommendedMovie, columns))
    return Recommendation(
        user_id, bool(found.known), movies, order, recommender, retrieval, ranking, degraded
    )
