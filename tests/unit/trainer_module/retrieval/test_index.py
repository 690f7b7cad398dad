"""Search by inner product: known answers, and both indexes against each other, after save and reload."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from trainer_module.retrieval.index import NO_SCORE, BruteForce, FixedRanking, Found, Index, Partitioned

# Three groups of movies, each along a direction of its own, the longer the better. "Position % 3" is the
# group, so a partition is not a contiguous block of the catalogue.
GROUPS = 3
PER_GROUP = 4
DIRECTIONS = np.eye(GROUPS, dtype=np.float32)
GROUP = (np.arange(GROUPS * PER_GROUP) % GROUPS).astype(np.int32)
LENGTH = 1 + np.arange(GROUPS * PER_GROUP, dtype=np.float32) // GROUPS
VECTORS = DIRECTIONS[GROUP] * LENGTH[:, None]
# The best first.
OF_GROUP = [[9, 6, 3, 0], [10, 7, 4, 1], [11, 8, 5, 2]]

Search = Callable[..., tuple[np.ndarray, np.ndarray]]


class Module(tf.Module):
    """What a SavedModel holds of an index."""

    def __init__(self, index: Index) -> None:
        super().__init__()
        self.index = index

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec([None, None]),
            tf.RaggedTensorSpec([None, None], tf.int32, row_splits_dtype=tf.int64),
            tf.TensorSpec([], tf.int32),
        ],
    )
    def search(self, queries: tf.Tensor, hidden: tf.RaggedTensor, k: tf.Tensor) -> Found:
        return self.index.search(queries, hidden, k)


def reloaded(index: Index, folder: Path) -> Search:
    """The search of a SavedModel that was written and loaded again."""
    tf.saved_model.save(Module(index), str(folder))
    loaded = tf.saved_model.load(str(folder))

    def search(queries: object, hidden: list[list[int]], k: int) -> tuple[np.ndarray, np.ndarray]:
        rows = ragged(hidden)
        scores, positions = loaded.search(tf.constant(queries, tf.float32), rows, tf.constant(k))
        return scores.numpy(), positions.numpy()

    return search


def ragged(rows: list[list[int]]) -> tf.RaggedTensor:
    flat = tf.constant([position for row in rows for position in row], tf.int32)
    return tf.RaggedTensor.from_row_lengths(flat, tf.constant([len(row) for row in rows], tf.int64))


def by_group(probes: int, depth: int = PER_GROUP) -> Partitioned:
    return Partitioned(VECTORS, GROUP, DIRECTIONS, probes=probes, depth=depth)


@pytest.fixture(scope="module")
def nearest_only(tmp_path_factory: pytest.TempPathFactory) -> Search:
    return reloaded(by_group(probes=1), tmp_path_factory.mktemp("nearest"))


def test_the_nearest_partition_answers(nearest_only: Search) -> None:
    scores, positions = nearest_only([[1, 0.1, 0], [0, 0.2, 0.3], [0.1, 2, 0]], [[], [], []], 3)
    assert positions.tolist() == [OF_GROUP[0][:3], OF_GROUP[2][:3], OF_GROUP[1][:3]]
    np.testing.assert_allclose(scores, [[4, 3, 2], [1.2, 0.9, 0.6], [8, 6, 4]], rtol=1e-6)


def test_other_partitions_are_not_looked_at(nearest_only: Search) -> None:
    # Movie 9 scores 3.6 and would be second, but its partition is the second.
    _, positions = nearest_only([[0.9, 1, 0]], [[]], 2)
    assert positions.tolist() == [[10, 7]]
    assert reloaded_best(BruteForce(VECTORS), [0.9, 1, 0], 2) == [10, 9]


def reloaded_best(index: Index, query: list[float], k: int) -> list[int]:
    found: list[int] = index.search(tf.constant([query]), ragged([[]]), k)[1].numpy()[0].tolist()
    return found


def test_more_partitions_are_searched_where_too_few_movies_are_left(nearest_only: Search) -> None:
    query = [[1, 0.2, 0.1]] * 3
    _, positions = nearest_only(query, [[9, 6], [9, 6, 3, 0], [9, 9, 9]], 3)
    # Partition 1 fills up what 0 cannot.
    assert positions[0].tolist() == [3, 0, 10]
    assert positions[1].tolist() == [10, 7, 4]
    assert positions[2].tolist() == [6, 3, 0]


def test_the_search_is_as_deep_as_the_list_is_long(nearest_only: Search) -> None:
    # Twice the depth, twice the partitions: movie 10 scores 3.6 and is among the first five.
    assert nearest_only([[1, 0.9, 0]], [[]], 5)[1].tolist() == [[9, 10, 6, 7, 3]]


def test_what_is_hidden_never_appears_even_if_nothing_else_is_left(nearest_only: Search) -> None:
    everything = list(range(len(VECTORS)))
    for hidden in ([9], everything[:-1], everything, everything * 2):
        scores, positions = nearest_only([[1, 0.2, 0.1]], [hidden], 12)
        left = scores[0] > NO_SCORE
        assert left.sum() == len(VECTORS) - len(set(hidden))
        assert not set(positions[0][left]) & set(hidden)
        assert np.isfinite(scores).all()


@pytest.mark.parametrize("k", [0, 1, 7, 300])
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_all_partitions_answer_as_brute_force_does(tmp_path: Path, k: int, rows: int) -> None:
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(300, 6)).astype(np.float32)
    partition = np.r_[0:17, generator.integers(17, size=283)].astype(np.int32)
    centroids = generator.normal(size=(17, 6)).astype(np.float32)
    partitioned = Partitioned(vectors, partition, centroids, probes=17, depth=10)
    queries = generator.normal(size=(rows, 6)).astype(np.float32).reshape(rows, 6)
    hidden = [generator.integers(300, size=40 * row).tolist() for row in range(rows)]
    scores, positions = reloaded(partitioned, tmp_path / "partitioned")(queries, hidden, k)
    exact_scores, exact_positions = reloaded(BruteForce(vectors), tmp_path / "exact")(queries, hidden, k)
    assert scores.shape == positions.shape == (rows, k)
    np.testing.assert_allclose(scores, exact_scores, rtol=1e-5, atol=1e-6)
    left = exact_scores > NO_SCORE
    assert (positions[left] == exact_positions[left]).all()


def test_an_answer_does_not_depend_on_the_batch(nearest_only: Search) -> None:
    queries, hidden = [[1, 0.2, 0.1], [0, 1, 0.5], [0.3, 0.2, 1]], [[9], list(range(11)), []]
    together = nearest_only(queries, hidden, 6)
    for row in range(3):
        alone = nearest_only(queries[row : row + 1], hidden[row : row + 1], 6)
        assert (alone[0][0] == together[0][row]).all()
        assert (alone[1][0] == together[1][row]).all()


def test_equal_movies_keep_the_order_of_the_catalogue() -> None:
    # That order is random, which is how ties are broken at random.
    same = np.ones([6, 2], np.float32)
    partition = np.array([1, 0, 0, 1, 0, 1], np.int32)
    index = Partitioned(same, partition, np.array([[1, 1], [2, 2]], np.float32), probes=2, depth=6)
    assert reloaded_best(index, [1.0, 1.0], 6) == [0, 3, 5, 1, 2, 4]
    assert reloaded_best(BruteForce(same), [1.0, 1.0], 6) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("index", [BruteForce(VECTORS), by_group(probes=1)])
def test_vectors_by_position(index: Index) -> None:
    positions = tf.constant([11, 0, 4, 4])
    assert (index.vectors(positions).numpy() == VECTORS[positions.numpy()]).all()


@pytest.mark.parametrize("k", [0, 2, 5])
def test_a_fixed_ranking_is_the_same_for_everyone_but_for_what_is_hidden(k: int) -> None:
    ranking = FixedRanking(np.array([1, 5, 3, 5, 0], np.float32))
    scores, positions = ranking.search(ragged([[], [1, 2], [1, 1, 4], [0, 1, 2, 3, 4]]), k)
    expected = [[1, 3, 2, 0, 4], [3, 0, 4], [3, 2, 0], []]
    assert scores.shape == positions.shape == (4, k)
    for row, best in enumerate(expected):
        left = scores[row].numpy() > NO_SCORE
        assert positions[row].numpy()[left].tolist() == best[:k]
    assert ranking.search(ragged([]), k)[0].shape == (0, k)
