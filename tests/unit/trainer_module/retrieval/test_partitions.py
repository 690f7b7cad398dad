"""Partitions of a catalogue whose clusters are known, and when they are refused."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from trainer_module.retrieval import partitions
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.index import BruteForce, Partitioned
from trainer_module.retrieval.partitions import make_index, make_partitions, measure_recall

CLUSTERS, PER_CLUSTER, DIM = 40, 50, 16


def clustered(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Movies [M, dim], the cluster of each [M], and people who like one cluster each [Q, dim]."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(CLUSTERS, DIM))
    cluster = generator.permutation(np.repeat(np.arange(CLUSTERS), PER_CLUSTER))
    movies = centres[cluster] + 0.05 * generator.normal(size=(len(cluster), DIM))
    queries = centres[generator.integers(CLUSTERS, size=64)]
    return movies.astype(np.float32), cluster, queries.astype(np.float32)


def noise(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Movies and people between whom there is nothing to find."""
    generator = np.random.default_rng(seed)
    movies, queries = generator.normal(size=(2000, 64)), generator.normal(size=(64, 64))
    return movies.astype(np.float32), queries.astype(np.float32)


def nothing(rows: int) -> tf.RaggedTensor:
    return tf.RaggedTensor.from_uniform_row_length(tf.zeros([0], tf.int32), 0, nrows=rows)


def settings(**values: object) -> RetrievalHyperparameters:
    return RetrievalHyperparameters.model_validate({"index": "partitioned", "top_k": 20, **values})


def test_a_partition_holds_movies_of_one_cluster() -> None:
    movies, cluster, queries = clustered()
    partition, means = make_partitions(movies, queries, seed=1)
    # 2 sqrt(2,000) partitions for 40 clusters, so hardly one has to hold two.
    pure = [len(set(cluster[partition == number])) == 1 for number in range(len(means))]
    assert np.mean(pure) > 0.8
    assert 40 <= len(means) <= 89
    for number, mean in enumerate(means):
        np.testing.assert_allclose(mean, movies[partition == number].mean(axis=0), atol=1e-5)


def test_partitions_separate_the_queries() -> None:
    # The second coordinate is far wider, but nobody's query has any of it.
    generator = np.random.default_rng(0)
    movies = np.stack([np.repeat([-1.0, 1.0], 50), generator.normal(scale=1.2, size=100)], axis=1)
    queries = np.array([[1.0, 0.0], [-1.0, 0.0]])
    partition, _ = make_partitions(movies.astype(np.float32), queries.astype(np.float32), seed=1)
    for number in range(partition.max() + 1):
        assert len(set(movies[partition == number, 0])) == 1


@pytest.mark.parametrize("movies", [np.zeros([5, 3]), np.ones([5, 3]), np.eye(1, 3)])
def test_degenerate_catalogues_have_partitions_too(movies: np.ndarray) -> None:
    queries = np.zeros([2, 3], np.float32)
    partition, means = make_partitions(movies.astype(np.float32), queries, seed=1)
    assert partition.shape == (len(movies),)
    assert set(partition) == set(range(len(means)))
    assert np.isfinite(means).all()


def test_the_same_seed_makes_the_same_partitions() -> None:
    movies, _, queries = clustered()
    first, second = (make_partitions(movies, queries, seed=1)[0] for _ in range(2))
    assert (first == second).all()


def test_partitions_find_what_brute_force_finds_and_scan_little() -> None:
    movies, cluster, queries = clustered()
    index, report = make_index(movies, queries, nothing(64), settings(), seed=1)
    assert isinstance(index, Partitioned)
    assert report.kind == "partitioned"
    assert report.recall is not None
    assert report.recall >= 0.95
    assert report.share_scanned is not None
    assert report.share_scanned < 0.15
    assert (report.movies, report.queries, report.depth) == (2000, 32, 20)
    # What is reported holds for people whom nobody measured.
    _, _, others = clustered()
    assert measure_recall(index, BruteForce(movies), others, nothing(64), 20) >= 0.9
    positions = index.search(tf.constant(queries[:4]), nothing(4), 20)[1].numpy()
    for query, found in zip(queries, positions, strict=False):
        assert len(set(cluster[found])) == 1, query


def test_recall_leaves_out_what_is_hidden() -> None:
    movies, _, queries = clustered()
    index, _ = make_index(movies, queries, nothing(64), settings(), seed=1)
    best = BruteForce(movies).search(tf.constant(queries), nothing(64), 30)[1]
    hidden = tf.RaggedTensor.from_tensor(best)
    assert measure_recall(index, BruteForce(movies), queries, hidden, 10) >= 0.9
    positions = index.search(tf.constant(queries), hidden, 10)[1].numpy()
    for found, left_out in zip(positions, best.numpy(), strict=True):
        assert not set(found) & set(left_out)


def test_recall_by_hand() -> None:
    movies = np.array([[3.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 4.0]], np.float32)
    halves = Partitioned(
        movies, np.array([0, 0, 1, 1], np.int32), np.array([[1, 0], [0, 1]], np.float32), probes=1, depth=2
    )
    queries = np.array([[1.0, 0.0], [1.0, 0.9]], np.float32)
    # The second one's best are movies 3 (3.6) and 0 (3.0), of which its nearest half holds only 0.
    exact = BruteForce(movies)
    assert measure_recall(halves, exact, queries, nothing(2), 2) == 0.75
    # Who has rated everything has nothing to find.
    everything = tf.ragged.constant([[0, 1, 2, 3], []], tf.int32, row_splits_dtype=tf.int64)
    assert measure_recall(halves, exact, queries, everything, 2) == 0.5
    assert measure_recall(halves, exact, queries[:1], everything[:1], 2) == 0


def test_partitions_that_have_to_scan_too_much_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    movies, queries = noise()
    with caplog.at_level(logging.WARNING):
        index, report = make_index(movies, queries, nothing(64), settings(index_recall=1.0), seed=1)
    assert isinstance(index, BruteForce)
    assert report.kind == "brute_force"
    assert "falls back to brute force" in caplog.text
    assert report.reason in caplog.text


def test_partitions_that_miss_the_threshold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    movies, queries = noise()
    monkeypatch.setattr(partitions, "_probes", lambda *_: 1)
    index, report = make_index(movies, queries, nothing(64), settings(), seed=1)
    assert isinstance(index, BruteForce)
    assert report.reason == f"the partitions' recall of {report.recall:.3f} misses index_recall 0.95"


@pytest.mark.parametrize(
    ("choice", "movies", "kind"),
    [
        ("auto", 49_999, "brute_force"),
        ("auto", 50_000, "partitioned"),
        ("brute_force", 50_000, "brute_force"),
    ],
)
def test_which_index_a_catalogue_gets(choice: str, movies: int, kind: str) -> None:
    generator = np.random.default_rng(0)
    queries = generator.normal(size=(16, 2)).astype(np.float32)
    vectors = generator.normal(size=(movies, 2)).astype(np.float32)
    _, report = make_index(vectors, queries, nothing(16), settings(index=choice), seed=1)
    assert report.kind == kind, report


def test_one_user_is_too_few_to_measure_on() -> None:
    movies, _, queries = clustered()
    _, report = make_index(movies, queries[:1], nothing(1), settings(), seed=1)
    assert (report.kind, report.reason) == ("brute_force", "too few users to measure partitions on")
