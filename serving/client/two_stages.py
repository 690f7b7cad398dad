"""The list from two models: one retrieves, the other gives what was found its final order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import grpc

from serving.client.batches import chunks
from serving.client.calls import Outcome, Plan, Version, served_by
from serving.client.errors import ServingError
from serving.client.ranking import rerank_call, reranked
from serving.client.results import Order, Recommendation, RecommendedMovie, ServedBy
from serving.client.retrieval import Found, candidates

# With these the final order cannot be had, because ranking is not there or, with the last, is older than
# `rerank`; what was retrieved is still worth showing.
_MISSING: Final = (
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.FAILED_PRECONDITION,
)

Row = tuple[str, Found]


def recommend_in_two_stages(
    user_ids: Sequence[str],
    k: int,
    retrieved: int,
    exclude: Mapping[str, Sequence[str]],
    retrieval_version: Version,
    ranking_version: Version,
    batch_size: int,
) -> Plan[list[Recommendation]]:
    """Retrieves movies for each user, has the same version of ranking order them, and keeps the k best.

    The models of one run share a version number, so the version that retrieved is the one that has to order.
    Where the server does not have it, the latest does it and the result shows it.

    Raises:
      ServingError: a stage failed, or a version that was requested is missing.
    """
    found = yield from candidates(user_ids, max(k, retrieved), exclude, retrieval_version, batch_size)
    rows = [(user, each.without(exclude.get(user, ()))) for user, each in zip(user_ids, found)]
    batches = list(_batches(rows, batch_size))
    versions = [
        batch[0][1].served_by.version if ranking_version is None else ranking_version for batch in batches
    ]
    outcomes = list((yield [rerank_call(*each) for each in zip(batches, versions)]))
    if ranking_version is None:
        missing = [place for place, outcome in enumerate(outcomes) if _not_found(outcome)]
        if missing:
            latest = yield [rerank_call(batches[place], None) for place in missing]
            for place, outcome in zip(missing, latest):
                outcomes[place] = outcome
    ordered: dict[str, Recommendation] = {}
    for batch, outcome in zip(batches, outcomes):
        if isinstance(outcome, ServingError) and (
            ranking_version is not None or outcome.code not in _MISSING
        ):
            raise outcome
        ordered.update((each.user_id, each) for each in _ordered(batch, outcome, k))
    return [
        ordered.get(user) or as_recommendation(user, each, k, retrieval=each.served_by) for user, each in rows
    ]


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
    movies = tuple(RecommendedMovie(*movie) for movie in columns)
    return Recommendation(
        user_id, bool(found.known), movies, order, recommender, retrieval, ranking, degraded
    )


def _batches(rows: Sequence[Row], size: int) -> Iterator[list[Row]]:
    """The rows for which something was found, in batches of one retrieval version each."""
    by_version: dict[int, list[Row]] = {}
    for user, found in rows:
        if found.movie_ids:
            by_version.setdefault(found.served_by.version, []).append((user, found))
    for of_version in by_version.values():
        yield from chunks(of_version, size)


def _not_found(outcome: Outcome) -> bool:
    return isinstance(outcome, ServingError) and outcome.code is grpc.StatusCode.NOT_FOUND


def _ordered(batch: Sequence[Row], outcome: Outcome, k: int) -> Iterator[Recommendation]:
    if isinstance(outcome, ServingError):
        why = f"in the order of retrieval: {outcome}"
        for user, found in batch:
            yield as_recommendation(
                user, found, k, order="retrieval", retrieval=found.served_by, degraded=why
            )
        return
    ranking = served_by(outcome)
    for (user, _), found in zip(batch, reranked(outcome, batch)):
        wanted = found.served_by.version
        mixed = (
            None
            if ranking.version == wanted
            else f"retrieval is of version {wanted} and ranking of {ranking.version}"
        )
        yield as_recommendation(user, found, k, retrieval=found.served_by, ranking=ranking, degraded=mixed)
