"""The serving contract of `retrieval`, on a SavedModel that was written and loaded again."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from contracts import features, signatures
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.retrieval.planted_towers import (
    ALL_TIME,
    CANDIDATES,
    KNOWN,
    MOVIES,
    NO_TRAITS,
    NOW,
    PLAIN,
    RECENT,
    TOP_K,
    Answer,
    examples,
    export,
    lists,
    partitioned,
    recommend,
    strings,
)
from tests.unit.trainer_module.tiny_world import silence, variable
from trainer_module.common.serving_tables import MovieTable, UserTable
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.index import BruteForce
from trainer_module.retrieval.signatures import (
    RetrievalServing,
    recent_popularity,
    total_popularity,
)
from trainer_module.retrieval.towers import QUERY_FEATURES, QueryTower, extra_dims

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[BruteForce, partitioned])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Answer]:
    return export(tmp_path_factory.mktemp("retrieval"), exclude_rated=True, index=request.param)


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


@pytest.mark.parametrize(("k", "slots"), [(0, 0), (1, 1), (7, 7), (8, 7), (10_000, 7)])
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
