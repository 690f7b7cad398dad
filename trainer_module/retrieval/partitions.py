"""Makes the index of a catalogue: brute force, or partitions if those find nearly the same movies."""

import logging
import math
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from sklearn.cluster import MiniBatchKMeans

from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.index import NO_SCORE, BruteForce, Index, Partitioned

# Below so many movies brute force takes about a millisecond, and partitions would only lose recall.
BRUTE_FORCE_MOVIES = 50_000
# Gathering rows is slower than a matrix product, so partitions that scan more than this do not pay.
MAX_SHARE_SCANNED = 0.25
# Movies per partition that k-means looks at, and how often: more of either finds hardly better partitions.
SAMPLE_PER_PARTITION = 64
KMEANS_EPOCHS = 10
# Queries that are scored against the whole catalogue at a time.
QUERY_BATCH = 16

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class IndexReport:
    """Which index was made, why, and what partitions were measured to find.

    Attributes:
      kind: what is in the SavedModel.
      reason: why, in words.
      movies: size of the catalogue.
      partitions: number of partitions, None if none were made.
      probes: of them searched for each query.
      share_scanned: mean share of the catalogue that is scored for a query.
      recall: share of brute force's list that the partitions find, mean over `queries`.
      depth: length of that list.
      queries: held-out queries that `recall` was measured on.
    """

    kind: Literal["brute_force", "partitioned"]
    reason: str
    movies: int
    partitions: int | None = None
    probes: int | None = None
    share_scanned: float | None = None
    recall: float | None = None
    depth: int | None = None
    queries: int | None = None

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON, without what does not apply."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def make_index(
    vectors: Floats,
    queries: Floats,
    hidden: tf.RaggedTensor,
    hyperparameters: RetrievalHyperparameters,
    seed: int,
) -> tuple[Index, IndexReport]:
    """Makes the index that the hyperparameters choose, or brute force where partitions miss their threshold.

    One half of the queries shapes the partitions and chooses how many are searched, the other one tests it.
    Beyond `vectors` this takes about four times their memory and, for a million movies, a minute.

    Args:
      vectors: one row per catalogue position, [M, dim].
      queries: examples of future queries, in random order, [Q, dim].
      hidden: what each query must not find, ragged [Q, None], int32 positions.
      hyperparameters: kind of index, its threshold and the length of the list.
      seed: of k-means.

    Returns:
      The index, and the line to log about it.
    """
    movies, kind = len(vectors), hyperparameters.index
    brute_force = BruteForce(vectors)
    if kind == "brute_force" or (kind == "auto" and movies < BRUTE_FORCE_MOVIES):
        fewer = f"fewer than {BRUTE_FORCE_MOVIES:,} movies"
        return brute_force, IndexReport("brute_force", "as set" if kind != "auto" else fewer, movies)
    half = len(queries) // 2
    threshold, depth = hyperparameters.index_recall, min(hyperparameters.top_k, movies)
    if len(queries) < 2:
        return brute_force, IndexReport("brute_force", "too few users to measure partitions on", movies)
    partition, centroids = make_partitions(vectors, queries[:half], seed)
    # Half of the loss that the threshold allows, because other queries will have other luck.
    probes = _probes(
        partition,
        centroids,
        queries[:half],
        _found(brute_force, queries[:half], hidden[:half], depth),
        threshold,
    )
    partitioned = Partitioned(vectors, partition, centroids, probes=probes, depth=depth)
    measured = IndexReport(
        "partitioned",
        "as set" if kind == "partitioned" else f"{BRUTE_FORCE_MOVIES:,} movies or more",
        movies,
        partitions=len(centroids),
        probes=probes,
        share_scanned=round(_share_scanned(partition, centroids, queries[half:], probes), 4),
        recall=round(measure_recall(partitioned, brute_force, queries[half:], hidden[half:], depth), 4),
        depth=depth,
        queries=len(queries) - half,
    )
    failure = _failure(measured, threshold)
    if failure is None:
        logger.info("partitioned index: %s", measured.as_dict())
        return partitioned, measured
    fallen_back = IndexReport(**{**asdict(measured), "kind": "brute_force", "reason": failure})
    logger.warning("the index falls back to brute force: %s: %s", failure, fallen_back.as_dict())
    return brute_force, fallen_back


def make_partitions(vectors: Floats, queries: Floats, seed: int) -> tuple[Ints, Floats]:
    """Puts vectors into partitions that hold what a query finds together.

    A centroid c stands for a vector x, so a query q sees the error q·(x - c), whose mean square over the
    queries is (x - c)' S (x - c) with S = E[q q'] (Guo et al. 2016, Quantization based fast inner product
    search, section 3.2). That is what k-means minimizes here: it runs on L' x, where L L' = S. Distances
    between the vectors themselves would spend partitions on differences that no query has.

    Args:
      vectors: [M, dim], M at least 1.
      queries: [Q, dim], Q at least 1.
      seed: of the sample and the first centroids.

    Returns:
      The partition of each vector [M] and the mean of each partition [P, dim]. P is about 2 sqrt(M), and
      none is empty.
    """
    count = min(len(vectors), round(2 * math.sqrt(len(vectors))))
    metric = queries.T.astype(np.float64) @ queries / len(queries)
    # Other queries will point to other directions, so each gets the mean of all. Less of it than that found
    # no more movies on trained embeddings, and fewer on clusters.
    metric += max(float(np.trace(metric)) / len(metric), 1e-12) * np.eye(len(metric))
    seen = vectors @ np.linalg.cholesky(metric).astype(np.float32)
    sample = np.random.default_rng(seed).permutation(len(seen))[: SAMPLE_PER_PARTITION * count]
    kmeans = MiniBatchKMeans(
        count,
        init="random",
        n_init=1,
        batch_size=8192,
        max_iter=KMEANS_EPOCHS,
        compute_labels=False,
        random_state=seed,
    ).fit(seen[sample])
    _, partition = np.unique(kmeans.predict(seen), return_inverse=True)
    order = np.argsort(partition, kind="stable")
    starts = np.searchsorted(partition[order], np.arange(partition.max() + 1))
    means = np.stack([vectors[part].mean(axis=0) for part in np.split(order, starts[1:])])
    return partition.astype(np.int32), means


def measure_recall(
    index: Index, brute_force: BruteForce, queries: Floats, hidden: tf.RaggedTensor, depth: int
) -> float:
    """Share of the `depth` movies of brute force that the index finds, mean over the queries.

    A query for which nothing is left to find does not count; where none counts the share is 0.
    """
    found = _found(index, queries, hidden, depth)
    exact = _found(brute_force, queries, hidden, depth)
    shares = [
        len(np.intersect1d(row, best)) / len(best)
        for row, best in zip(found, exact, strict=True)
        if len(best)
    ]
    return float(np.mean(shares)) if shares else 0.0


def _found(index: Index, queries: Floats, hidden: tf.RaggedTensor, depth: int) -> list[Ints]:
    """The positions that each query finds, empty slots left out."""
    found: list[Ints] = []
    for start in range(0, len(queries), QUERY_BATCH):
        batch = slice(start, start + QUERY_BATCH)
        scores, positions = (part.numpy() for part in index.search(queries[batch], hidden[batch], depth))
        found += [row[score > NO_SCORE] for row, score in zip(positions, scores, strict=True)]
    return found


def _nearest(centroids: Floats, queries: Floats) -> Ints:
    """Partitions in the order in which each query searches them, [Q, P]."""
    return np.argsort(-(queries @ centroids.T), axis=1, kind="stable").astype(np.int32)


def _probes(partition: Ints, centroids: Floats, queries: Floats, exact: list[Ints], threshold: float) -> int:
    """The fewest partitions that hold a mean share of 1 - (1 - threshold) / 2 of each exact list."""
    nearest = _nearest(centroids, queries)
    found = np.zeros(len(centroids))
    rows = 0
    for order, best in zip(nearest, exact, strict=True):
        if len(best):
            place = np.empty_like(order)
            place[order] = np.arange(len(order), dtype=np.int32)
            found += np.bincount(place[partition[best]], minlength=len(order)) / len(best)
            rows += 1
    if not rows:
        return 1
    # Sums of floats may end a little below 1.
    reached = np.cumsum(found) / rows >= min(1 - (1 - threshold) / 2, 1 - 1e-9)
    return int(np.argmax(reached)) + 1


def _share_scanned(partition: Ints, centroids: Floats, queries: Floats, probes: int) -> float:
    sizes = np.bincount(partition, minlength=len(centroids))
    return float(sizes[_nearest(centroids, queries)[:, :probes]].sum(axis=1).mean() / len(partition))


def _failure(measured: IndexReport, threshold: float) -> str | None:
    """Why the partitions do not do, None if they do."""
    assert measured.recall is not None
    assert measured.share_scanned is not None
    if not measured.recall >= threshold:
        return f"the partitions' recall of {measured.recall:.3f} misses index_recall {threshold:g}"
    if measured.share_scanned > MAX_SHARE_SCANNED:
        return (
            f"recall {threshold:g} takes a scan of {measured.share_scanned:.0%} of the movies, "
            f"and above {MAX_SHARE_SCANNED:.0%} brute force is faster"
        )
    return None
