"""The serving contract of `retrieval`, on a SavedModel that was written and loaded again."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from contracts import features, signatures
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.tiny_world import silence, variable
from trainer_module.common.serving_tables import MovieTable, UserTable
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.index import BruteForce, Index, Partitioned
from trainer_module.retrieval.signatures import (
    RetrievalServing,
    popularity_before,
    recent_popularity,
    total_popularity,
)
from trainer_module.retrieval.towers import QUERY_FEATURES, QueryTower, extra_dims

pytestmark = pytest.mark.slow

# Candidate embeddings. Nobody has rated "cold" in training, so its embedding comes from its content.
CANDIDATES = {
    "a": (2.0, 0.0),
    "b": (0.8, 0.6),
    "c": (0.0, 1.0),
    "d": (-1.0, 0.0),
    "e": (0.6, 0.8),
    "é": (0.1, -1.0),
    "cold": (0.5, 0.0),
}
MOVIES = tiny_world.catalogue(list(CANDIDATES), unrated=["cold"])
DAY = 24 * 3600
NOW = 1_000_000_000
LONG_AGO = NOW - 100 * DAY
TRAINING = {
    "ann": [("a", 5.0, NOW - 1), ("b", 4.0, NOW)],
    "bén": [(movie, 3.0, LONG_AGO) for movie in "abcdeé"],
    "dee": [("d", 4.0, NOW - 2)],
    "old 1": [("e", 3.0, LONG_AGO), ("a", 3.0, LONG_AGO)],
    "old 2": [("e", 3.0, LONG_AGO), ("a", 3.0, LONG_AGO)],
    "old 3": [("e", 3.0, LONG_AGO), ("d", 3.0, LONG_AGO)],
    "old 4": [("e", 3.0, LONG_AGO)],
}
# The evaluation split adds a rating of ann, the last movie of bén and a user of whom training knew nothing.
KNOWN = {
    **TRAINING,
    "ann": [*TRAINING["ann"], ("c", 3.0, NOW + 5)],
    "bén": [*TRAINING["bén"], ("cold", 3.0, NOW + 5)],
    "new": [("e", 3.0, NOW + 5)],
}
ALL_TIME = ["e", "a", "d", "b", "c", "é", "cold"]
RECENT = ["a", "d", "b", "e", "c", "é", "cold"]
TOP_K = 4
PLAIN = {"dropout": 0, "unknown_id_share": 0, "sequence_length": 0, "periods": 2}
# Nothing reads it without a sequence.
NO_TRAITS = tf.Variable(tf.zeros([0, 0]), trainable=False)

Answer = Callable[..., dict[str, Any]]


def query_tower() -> QueryTower:
    """ann likes the first direction, movies "a" and "c" have one direction each."""
    plain = RetrievalHyperparameters.model_validate({"embedding_dim": 2, **PLAIN})
    tower = QueryTower(tiny_world.sizes(users=len(KNOWN), movies=6), NO_TRAITS, plain)
    rows = tiny_world.batch([tiny_world.transformed("", "")], history_length=2)
    tower({name: rows[name] for name in QUERY_FEATURES})
    silence(tower)
    variable(tower, features.USER_INDEX)[1].assign([1.0, 0.1])
    variable(tower, features.MOVIE_INDEX)[1].assign([1.0, 0.0])
    variable(tower, features.MOVIE_INDEX)[3].assign([0.0, 1.0])
    return tower


def partitioned(vectors: np.ndarray) -> Partitioned:
    """Three partitions, all of which are searched. Ties stay in the order of the catalogue."""
    partition = np.array([1, 0, 1, 2, 0, 2, 2], np.int32)
    means = np.stack([vectors[partition == number].mean(axis=0) for number in range(3)])
    return Partitioned(vectors, partition, means, probes=3, depth=TOP_K)


def export(
    folder: Path, exclude_rated: bool, index: Callable[[np.ndarray], Index] = BruteForce
) -> Mapping[str, Answer]:
    """Writes the SavedModel, throws away what it was made from, and loads it."""
    embeddings = np.array(list(CANDIDATES.values()), np.float32)
    training = tiny_world.states(MOVIES, TRAINING)
    assets = folder / "assets"
    assets.mkdir()
    known, trained = (
        UserTable(
            tiny_world.states(MOVIES, ratings),
            history_length=2,
            keep_rated=keep_rated,
            mean_rating=training.mean_rating,
            asset_file=str(assets / name),
        )
        for ratings, keep_rated, name in ((KNOWN, exclude_rated, "users"), (TRAINING, True, "trained"))
    )
    serving = RetrievalServing(
        query_tower=query_tower(),
        # Without bias and popularity.
        candidates=index(np.pad(embeddings, [(0, 0), (0, extra_dims(2))])),
        directions=index(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)),
        movies=MovieTable(MOVIES, str(assets / "movies")),
        users=known,
        training_users=trained,
        popularity=total_popularity(training, len(MOVIES)),
        recent=recent_popularity(training, len(MOVIES)),
        top_k=TOP_K,
    )
    tf.saved_model.save(serving, str(folder / "model"), signatures=serving.signatures())
    shutil.rmtree(assets)
    loaded = tf.saved_model.load(str(folder / "model"))

    def answering(signature: str) -> Answer:
        def answer(**inputs: Any) -> dict[str, Any]:
            outputs = loaded.signatures[signature](**inputs)
            return {name: value.numpy() for name, value in outputs.items()}

        return answer

    # A signature works as long as the object it came from exists.
    return {name: answering(name) for name in loaded.signatures}


@pytest.fixture(scope="module", params=[BruteForce, partitioned])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Answer]:
    return export(tmp_path_factory.mktemp("retrieval"), exclude_rated=True, index=request.param)


def lists(outputs: Mapping[str, Any]) -> list[list[str]]:
    """The ids, after a check that titles and scores go with them."""
    ids = [[id_.decode() for id_ in row] for row in outputs[features.MOVIE_ID]]
    if features.MOVIE_TITLE in outputs:
        titles = [[title.decode() for title in row] for row in outputs[features.MOVIE_TITLE]]
        assert titles == [[f"Title of {id_}" if id_ else "" for id_ in row] for row in ids]
        scores = outputs[signatures.SCORE]
        assert scores.shape == outputs[features.MOVIE_ID].shape
        assert np.isfinite(scores).all()
        assert (np.diff(scores, axis=1) <= 0).all()
    return ids


def strings(rows: Any, shape: list[int] | None = None) -> tf.Tensor:
    return tf.constant(rows, tf.string, shape)


def recommend(
    served: Mapping[str, Answer], users: list[str], k: int, exclude: list[list[str]] | None = None
) -> dict[str, Any]:
    excluded = strings(exclude or [], None if exclude else [len(users), 0])
    return served[signatures.RECOMMEND](
        user_id=strings(users, [len(users)]), exclude_movie_ids=excluded, k=tf.constant(k)
    )


def examples(users: list[str], movie: str = "a") -> tf.Tensor:
    rows = [tiny_world.example({"user_id": user, "movie_id": movie}) for user in users]
    return strings(rows, [len(users)])


def test_the_signatures_of_the_contract(served: Mapping[str, Answer]) -> None:
    assert set(served) == {
        "serving_default",
        "recommend",
        "recommend_from_history",
        "similar_movies",
        "evaluate",
    }


def test_a_known_user_gets_the_best_of_what_is_left(served: Mapping[str, Answer]) -> None:
    found = served[signatures.SERVING_DEFAULT](user_id=strings(["ann"]))
    # Her latest two movies are b and c, so the query is (1, 0.1) + (0, 1) / sqrt(2).
    query = np.array([1.0, 0.1 + 0.5**0.5])
    expected = ["e", "cold", "é", "d"]
    assert lists(found) == [expected]
    np.testing.assert_allclose(
        found[signatures.SCORE][0], [query @ CANDIDATES[movie] for movie in expected], rtol=1e-5
    )
    assert found[signatures.KNOWN_USER].tolist() == [True]


@pytest.mark.parametrize("k", [1, 4, 7, 1000])
def test_rated_movies_never_appear(served: Mapping[str, Answer], k: int) -> None:
    for (user, rated), ids in zip(KNOWN.items(), lists(recommend(served, list(KNOWN), k)), strict=True):
        assert not {movie for movie, *_ in rated} & set(ids), user
        seen = [id_ for id_ in ids if id_]
        assert len(seen) == len(set(seen)) == min(k, len(CANDIDATES) - len(rated))


def test_an_unknown_user_gets_what_is_popular_now(served: Mapping[str, Answer]) -> None:
    users = ["nobody", "", "Ann", "日本", "ann"]
    found = served[signatures.SERVING_DEFAULT](user_id=strings(users))
    assert found[signatures.KNOWN_USER].tolist() == [False, False, False, False, True]
    assert lists(found)[:4] == [RECENT[:TOP_K]] * 4


@pytest.mark.parametrize(("k", "slots"), [(-1, 0), (0, 0), (1, 1), (7, 7), (8, 7), (10_000, 7)])
def test_k_is_the_length_up_to_the_whole_catalogue(served: Mapping[str, Answer], k: int, slots: int) -> None:
    assert lists(recommend(served, ["nobody"], k)) == [RECENT[:slots]]
    similar = served[signatures.SIMILAR_MOVIES](movie_id=strings(["a"]), k=tf.constant(k))
    assert similar[signatures.SCORE].shape == (1, slots)


def test_excluded_movies_do_not_appear(served: Mapping[str, Answer]) -> None:
    exclude = [["e", "", "gone"], ["a", "é", "é"]]
    assert lists(recommend(served, ["ann", "nobody"], 3, exclude)) == [["cold", "é", "d"], ["d", "b", "e"]]


def test_who_has_rated_everything_gets_empty_slots_with_finite_scores(served: Mapping[str, Answer]) -> None:
    found = served[signatures.SERVING_DEFAULT](user_id=strings(["bén"]))
    assert lists(found) == [[""] * TOP_K]
    assert found[signatures.KNOWN_USER].tolist() == [True]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (["a"], ["b", "e", "cold", "é"]),
        (["", "a", "gone"], ["b", "e", "cold", "é"]),
        # (1, 1) / sqrt(2) now.
        (["a", "c"], ["b", "e", "cold", "é"]),
        (["c"], ["e", "b", "a", "d"]),
        (["gone"], ["a", "d", "b", "e"]),
        (["", ""], ["a", "d", "b", "e"]),
        # Nothing is known of a movie without ratings but that the user has seen it.
        (["cold"], ["a", "d", "b", "e"]),
    ],
)
def test_a_history_stands_for_a_user(
    served: Mapping[str, Answer], history: list[str], expected: list[str]
) -> None:
    found = served[signatures.RECOMMEND_FROM_HISTORY](history_movie_ids=strings([history]))
    assert lists(found) == [expected]


def test_scores_from_history_by_hand(served: Mapping[str, Answer]) -> None:
    found = served[signatures.RECOMMEND_FROM_HISTORY](history_movie_ids=strings([["a", "c"]]))
    # b and e: 1.4 / sqrt(2), cold: 0.5 / sqrt(2), é: -0.9 / sqrt(2).
    np.testing.assert_allclose(
        found[signatures.SCORE][0], np.array([1.4, 1.4, 0.5, -0.9]) / 2**0.5, rtol=1e-5
    )


def test_a_history_without_a_column_is_that_of_a_newcomer(served: Mapping[str, Answer]) -> None:
    found = served[signatures.RECOMMEND_FROM_HISTORY](history_movie_ids=strings([], [2, 0]))
    assert lists(found) == [RECENT[:TOP_K]] * 2


def test_similar_movies_are_near_by_angle_and_not_itself(served: Mapping[str, Answer]) -> None:
    found = served[signatures.SIMILAR_MOVIES](movie_id=strings(["a", "d"]), k=tf.constant(3))
    assert lists(found) == [["cold", "b", "e"], ["c", "é", "e"]]
    np.testing.assert_allclose(found[signatures.SCORE][0], [1, 0.8, 0.6], rtol=1e-5)
    assert found[signatures.KNOWN_MOVIE].tolist() == [True, True]


def test_an_unknown_movie_has_no_similar_ones(served: Mapping[str, Answer]) -> None:
    found = served[signatures.SIMILAR_MOVIES](movie_id=strings(["gone", "", "a"]), k=tf.constant(2))
    assert lists(found) == [["", ""], ["", ""], ["cold", "b"]]
    assert found[signatures.KNOWN_MOVIE].tolist() == [False, False, True]


def test_an_empty_batch_has_an_empty_answer(served: Mapping[str, Answer]) -> None:
    nobody = strings([], [0])
    assert served[signatures.SERVING_DEFAULT](user_id=nobody)[signatures.SCORE].shape == (0, TOP_K)
    assert recommend(served, [], 3)[features.MOVIE_ID].shape == (0, 3)
    histories = strings([], [0, 2])
    assert served[signatures.RECOMMEND_FROM_HISTORY](history_movie_ids=histories)[signatures.SCORE].shape == (
        0,
        TOP_K,
    )
    similar = served[signatures.SIMILAR_MOVIES](movie_id=nobody, k=tf.constant(2))
    assert similar[features.MOVIE_TITLE].shape == (0, 2)
    evaluated = served[signatures.EVALUATE](examples=nobody)
    assert evaluated[features.MOVIE_ID].shape == (0, len(CANDIDATES))
    assert evaluated[signatures.REFERENCE_MOVIE_ID].shape == (0, len(CANDIDATES))


def test_evaluation_uses_the_train_split_alone(served: Mapping[str, Answer]) -> None:
    found = served[signatures.EVALUATE](examples=examples(["ann", "bén", "new"]))
    # ann's query is (1, 0.1) + (1, 0) / sqrt(2) with c among the answers; training has not seen "new".
    assert lists(found) == [
        ["e", "cold", "c", "é", "d", "", ""],
        ["cold", *[""] * 6],
        RECENT,
    ]


def test_the_reference_is_the_popularity_of_the_train_split(served: Mapping[str, Answer]) -> None:
    found = served[signatures.EVALUATE](examples=examples(["ann", "bén", "new"]))
    assert lists({features.MOVIE_ID: found[signatures.REFERENCE_MOVIE_ID]}) == [
        ["e", "d", "c", "é", "cold", "", ""],
        ["cold", *[""] * 6],
        ALL_TIME,
    ]


def test_lists_come_with_how_popular_their_movies_are(served: Mapping[str, Answer]) -> None:
    found = served[signatures.EVALUATE](examples=examples(["ann", "new"]))
    counts = dict(zip(MOVIES.ids, [4, 2, 1, 3, 5, 1, 0], strict=True))
    for ids, popularity in (
        (features.MOVIE_ID, signatures.LIST_POPULARITY),
        (signatures.REFERENCE_MOVIE_ID, signatures.REFERENCE_LIST_POPULARITY),
    ):
        filled = found[ids] != b""
        expected = [counts[movie] for movie in found[ids][filled]]
        assert found[popularity][filled].tolist() == expected
    assert found[signatures.CATALOGUE_SIZE].tolist() == [len(CANDIDATES)] * 2


def test_users_and_movies_without_a_training_rating_are_cold(served: Mapping[str, Answer]) -> None:
    found_cold = [
        {name: found[name].tolist() for name in (signatures.COLD_USER, signatures.COLD_MOVIE)}
        for movie in ("a", "cold", "gone")
        for found in (served[signatures.EVALUATE](examples=examples(["ann", "new"], movie)),)
    ]
    assert [found[signatures.COLD_USER] for found in found_cold] == [[b"no", b"yes"]] * 3
    assert [found[signatures.COLD_MOVIE][0] for found in found_cold] == [b"no", b"yes", b"yes"]


def test_without_rated_movies_the_model_leaves_out_the_history_alone(tmp_path: Path) -> None:
    served = export(tmp_path, exclude_rated=False)
    # "a" is older than the two movies of history that the model keeps.
    assert lists(recommend(served, ["ann"], 7)) == [["a", "e", "cold", "é", "d", "", ""]]
    assert lists(recommend(served, ["ann"], 7, [["a"]])) == [["e", "cold", "é", "d", "", "", ""]]
    # The Evaluator still measures what the user has not seen.
    assert "a" not in lists(served[signatures.EVALUATE](examples=examples(["ann"])))[0]


def test_popularity_by_hand() -> None:
    states = tiny_world.states(MOVIES, TRAINING)
    assert total_popularity(states, len(MOVIES)).tolist() == [4, 2, 1, 3, 5, 1, 0]
    # One recent rating each of a, b and d; all 16 ratings only break ties.
    np.testing.assert_allclose(
        recent_popularity(states, len(MOVIES)),
        [1 + 4 / 17, 1 + 2 / 17, 1 / 17, 1 + 3 / 17, 5 / 17, 1 / 17, 0],
        rtol=1e-6,
    )


def test_the_month_before_a_moment_holds_its_start_and_not_its_end() -> None:
    month = 30 * DAY
    ratings = [("a", 3.0, NOW - month - 1), ("b", 3.0, NOW - month), ("c", 3.0, NOW - 1), ("d", 3.0, NOW)]
    states = tiny_world.states(MOVIES, {"ann": ratings, "ben": ratings[2:]})
    assert popularity_before(states, len(MOVIES), NOW).tolist() == [0, 1, 2, 0, 0, 0, 0]
    assert popularity_before(states, len(MOVIES), NOW + 1).tolist() == [0, 0, 2, 2, 0, 0, 0]
    assert popularity_before(states, len(MOVIES), NOW - month - 1).tolist() == [0] * 7


def test_a_list_is_evaluated_the_same_whoever_else_is_in_the_batch(tmp_path: Path) -> None:
    # All movies score the same but for the last digits, which the order of adding up decides.
    dim, users = 64, [f"u{number}" for number in range(100)]
    numbers = np.random.default_rng(1)
    taste = numbers.normal(size=dim).astype(np.float32)
    embeddings = np.stack([numbers.permutation(taste) for _ in range(500)])
    movies = tiny_world.catalogue([str(number) for number in range(len(embeddings))])
    states = tiny_world.states(movies, {user: [("0", 5.0, NOW)] for user in users})
    plain = RetrievalHyperparameters.model_validate({"embedding_dim": dim, **PLAIN})
    tower = QueryTower(tiny_world.sizes(users=len(users), movies=len(embeddings)), NO_TRAITS, plain)
    rows = tiny_world.batch([tiny_world.transformed("", "")], history_length=2)
    tower({name: rows[name] for name in QUERY_FEATURES})
    silence(tower)
    variable(tower, features.USER_INDEX).assign(tf.fill([len(users) + 1, dim], 0.37))
    table = UserTable(
        states,
        history_length=2,
        keep_rated=True,
        mean_rating=states.mean_rating,
        asset_file=str(tmp_path / "users"),
    )
    evaluate = RetrievalServing(
        query_tower=tower,
        candidates=BruteForce(np.pad(embeddings, [(0, 0), (0, extra_dims(2))])),
        directions=BruteForce(embeddings),
        movies=MovieTable(movies, str(tmp_path / "movies")),
        users=table,
        training_users=table,
        popularity=total_popularity(states, len(movies)),
        recent=recent_popularity(states, len(movies)),
        top_k=TOP_K,
    ).signatures()[signatures.EVALUATE]

    def found(size: int) -> np.ndarray:
        batches = [users[start : start + size] for start in range(0, len(users), size)]
        answers = [evaluate(examples=examples(batch, "0"))[features.MOVIE_ID] for batch in batches]
        return np.concatenate([answer.numpy() for answer in answers])

    for size in (1, 7, 33):
        np.testing.assert_array_equal(found(size), found(len(users)), err_msg=f"batches of {size}")
