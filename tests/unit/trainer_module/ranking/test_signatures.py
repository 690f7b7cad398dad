"""The serving contract of `ranking`, on a SavedModel that was written and loaded again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from contracts import features
from contracts import signatures as signature_names
from tests.transform_run import Transformed
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.tiny_world import (
    AMELIE,
    ANN,
    BEN,
    CY,
    MONDAY_MIDNIGHT,
    MOVIES,
    RATINGS,
    THURSDAY_AFTERNOON,
    example,
)
from trainer_module.common.catalogue import Catalogue, read_catalogue
from trainer_module.common.embeddings import VocabularySizes
from trainer_module.common.inputs import TransformedExamples
from trainer_module.common.serving_tables import MovieTable, UserTable
from trainer_module.common.user_states import UserStates, read_user_states
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.ranking.run_fn import RankingModel
from trainer_module.ranking.signatures import RankingServing

pytestmark = pytest.mark.slow

HISTORY = 2
IDS = [movie["movie_id"] for movie in MOVIES]
# The bias model as it is planted: users in the order of training, movies by id.
MEAN = 3.0
USER_BIAS = {"çy": 0.5, "ben": -0.25}
MOVIE_BIAS = {"1": 0.25, "2": 900.0, "3": -900.0}

Ratings = Callable[..., np.ndarray]
Build = Callable[[tuple[float, float]], RankingServing]


def training_states(catalogue: Catalogue) -> UserStates:
    """A train split that lacks ann and holds the others in another order than the known users."""
    return tiny_world.states(catalogue, {user: [("1", 3.0, 1)] for user in USER_BIAS})


def model(transformed: Transformed) -> RankingModel:
    """Untrained, with weights so large that every feature matters."""
    tf.keras.utils.set_random_seed(3)
    hyperparameters = RankingHyperparameters(embedding_dim=4, hidden_units=(8,))
    built = RankingModel(VocabularySizes.of(transformed.transform_output), hyperparameters, MEAN)
    rows = [tiny_world.transformed("", "")]
    built(tiny_world.batch(rows, HISTORY))
    for weight in built.trainable_variables:
        if "rating" not in weight.name:
            weight.assign(weight * 4)
    return built


@pytest.fixture(scope="module")
def build(
    tmp_path_factory: pytest.TempPathFactory, transformed: Transformed, movie_files: list[str]
) -> Build:
    """Makes a module with everything in the contract."""
    output = transformed.transform_output
    catalogue = read_catalogue(movie_files, output, seed=1)
    known = read_user_states(TransformedExamples([transformed.files], output, HISTORY), catalogue)
    training = training_states(catalogue)
    movie_bias = np.array([MOVIE_BIAS.get(id_.decode(), 0) for id_ in catalogue.ids], np.float32)
    assets = tmp_path_factory.mktemp("assets")
    built = model(transformed)

    def of_scale(scale: tuple[float, float]) -> RankingServing:
        users, training_users = (
            UserTable(
                states,
                history_length=HISTORY,
                keep_rated=False,
                mean_rating=MEAN,
                asset_file=str(assets / name),
            )
            for states, name in ((known, "users"), (training, "training"))
        )
        return RankingServing(
            built,
            output,
            history_length=HISTORY,
            users=users,
            movies=MovieTable(catalogue, str(assets / "movies")),
            scale=scale,
            training_users=training_users,
            biases=(MEAN, np.array(list(USER_BIAS.values()), np.float32), movie_bias),
        )

    return of_scale


def answers(signatures: Mapping[str, Any], keep: object) -> Mapping[str, Ratings]:
    """Signatures as functions to arrays; they work as long as the object they came from exists."""

    def answering(signature: str, output: str = features.USER_RATING) -> Ratings:
        def answer(**inputs: Any) -> np.ndarray:
            assert keep is not None
            outputs = signatures[signature](**inputs)
            return np.asarray(outputs[output])

        return answer

    found = {name: answering(name) for name in signatures}
    # The other outputs of the Evaluator's signature by their own names.
    beside = (signature_names.REFERENCE_RATING, signature_names.COLD_USER, signature_names.COLD_MOVIE)
    return found | {name: answering(signature_names.EVALUATE, name) for name in beside}


@pytest.fixture(scope="module")
def wide(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Ratings]:
    """Saved and loaded again, on a scale so wide that nothing is clipped."""
    path = str(tmp_path_factory.mktemp("ranking") / "model")
    serving = build((-1000.0, 1000.0))
    tf.saved_model.save(serving, path, signatures=serving.signatures())
    loaded = tf.saved_model.load(path)
    return answers(loaded.signatures, loaded)


def serialized(rows: Sequence[tiny_world.Row]) -> tf.Tensor:
    return tf.constant([example(row) for row in rows], tf.string, [len(rows)])


def latest(user: tiny_world.Row, timestamp: int, history: Mapping[str, float]) -> list[tiny_world.Row]:
    """A user's raw Examples for every movie, without a rating, as of the user's latest rating."""
    return [
        {
            **user,
            **movie,
            "timestamp": timestamp,
            "history_movie_ids": list(history),
            "history_ratings": list(history.values()),
        }
        for movie in MOVIES
    ]


LATEST = {
    "ann": latest(ANN, THURSDAY_AFTERNOON + 60, {"1": 5.0, "2": 4.0}),
    "ben": latest(BEN, MONDAY_MIDNIGHT, {"1": 2.0, "4": 1.0}),
    # The model reads two movies of history: "3" and "5".
    "çy": latest(CY, MONDAY_MIDNIGHT + 30, {"1": 3.0, "3": 2.0, "5": 4.0}),
}


def rank(served: Mapping[str, Ratings], users: list[str], movies: list[list[str]]) -> np.ndarray:
    columns = len(movies[0]) if movies else 0
    return served[signature_names.RANK](
        user_id=tf.constant(users, tf.string, [len(users)]),
        movie_id=tf.constant(movies, tf.string, [len(users), columns]),
    )


def test_the_signatures_of_the_contract(wide: Mapping[str, Ratings]) -> None:
    assert set(wide) == {
        *("serving_default", "rank", "evaluate", "transform_features"),
        *("reference_user_rating", "cold_user", "cold_movie"),
    }


@pytest.mark.parametrize("user", list(LATEST))
def test_rank_and_raw_examples_agree_on_the_same_state(wide: Mapping[str, Ratings], user: str) -> None:
    by_example = wide[signature_names.SERVING_DEFAULT](examples=serialized(LATEST[user]))
    assert len(set(by_example.round(3).tolist())) == len(MOVIES)
    np.testing.assert_allclose(rank(wide, [user], [IDS])[0], by_example, atol=1e-5)
    # Another history is another answer, so the agreement above is not trivial.
    without = [{**row, "history_movie_ids": [], "history_ratings": []} for row in LATEST[user]]
    assert (
        np.abs(wide[signature_names.SERVING_DEFAULT](examples=serialized(without)) - by_example).min() > 1e-3
    )


def test_rank_answers_each_pair_alone(wide: Mapping[str, Ratings]) -> None:
    together = rank(wide, ["ann", "çy"], [IDS, IDS[::-1]])
    assert together.shape == (2, len(IDS))
    for row, (user, ids) in enumerate((("ann", IDS), ("çy", IDS[::-1]))):
        for column, movie in enumerate(ids):
            assert rank(wide, [user], [[movie]])[0, 0] == pytest.approx(together[row, column], abs=1e-5)


def test_evaluate_and_the_default_agree_with_or_without_the_rating(wide: Mapping[str, Ratings]) -> None:
    by_default = wide[signature_names.SERVING_DEFAULT](examples=serialized(RATINGS))
    np.testing.assert_array_equal(wide[signature_names.EVALUATE](examples=serialized(RATINGS)), by_default)
    unlabelled = [
        {name: value for name, value in row.items() if name != features.USER_RATING} for row in RATINGS
    ]
    unlabelled_ratings = wide[signature_names.SERVING_DEFAULT](examples=serialized(unlabelled))
    np.testing.assert_array_equal(unlabelled_ratings, by_default)


def test_ratings_stay_within_the_scale(build: Build, wide: Mapping[str, Ratings]) -> None:
    ids = [IDS, IDS]
    free = rank(wide, ["ann", "nobody"], ids)
    low, high = (float(part) for part in np.quantile(free, [0.25, 0.75]))
    clipping = build((low, high))
    narrow = answers(clipping.signatures(), clipping)
    np.testing.assert_allclose(rank(narrow, ["ann", "nobody"], ids), free.clip(low, high), atol=1e-5)
    by_example = narrow[signature_names.SERVING_DEFAULT](examples=serialized(LATEST["ann"]))
    np.testing.assert_allclose(by_example, free[0].clip(low, high), atol=1e-5)
    # 3 + 900 and 3 - 900 of the planted biases.
    reference = narrow[signature_names.REFERENCE_RATING](
        examples=serialized(pairs([("nobody", "2"), ("nobody", "3")]))
    )
    np.testing.assert_allclose(reference, [high, low], rtol=1e-6)


def test_unknown_users_are_all_the_same_and_get_an_answer(wide: Mapping[str, Ratings]) -> None:
    ids = [["1", "6", "gone", "", "é"]] * 3
    found = rank(wide, ["nobody", "", "日本"], ids)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    # All movies outside of the catalogue are one unknown movie.
    np.testing.assert_array_equal(found[:, 2:], found[:, 2:3].repeat(3, axis=1))
    assert found[0, 0] != found[0, 1] != found[0, 2]


def test_an_example_of_unknown_users_gets_an_answer(wide: Mapping[str, Ratings]) -> None:
    unknown_user = {**AMELIE, "user_id": "nobody", "timestamp": 0}
    newcomer = {
        "user_id": "",
        "movie_id": "gone",
        "movie_title": "",
        "movie_genres": [],
        "timestamp": MONDAY_MIDNIGHT,
    }
    found = wide[signature_names.SERVING_DEFAULT](examples=serialized([unknown_user, newcomer]))
    assert found.shape == (2,)
    assert np.isfinite(found).all()


def test_an_empty_batch_has_an_empty_answer(wide: Mapping[str, Ratings]) -> None:
    for signature in (
        signature_names.SERVING_DEFAULT,
        signature_names.EVALUATE,
        signature_names.REFERENCE_RATING,
    ):
        assert wide[signature](examples=serialized([])).shape == (0,)
    assert rank(wide, [], []).shape == (0, 0)
    assert rank(wide, ["ann"], [[]]).shape == (1, 0)


def pairs(ids: Sequence[tuple[str, str]]) -> list[tiny_world.Row]:
    """Raw Examples of nothing but a user and a movie."""
    return [{**AMELIE, "user_id": user, "movie_id": movie, "timestamp": 0} for user, movie in ids]


def test_the_reference_adds_the_biases_of_the_train_split(wide: Mapping[str, Ratings]) -> None:
    ids = [("çy", "1"), ("ben", "1"), ("ann", "1"), ("ben", "2"), ("ben", "gone"), ("nobody", "gone")]
    found = wide[signature_names.REFERENCE_RATING](examples=serialized(pairs(ids)))
    # ann has rated in the evaluation split only, so her bias is nobody's.
    np.testing.assert_allclose(found, [3.75, 3.0, 3.25, 902.75, 2.75, 3.0])


def test_users_and_movies_without_a_training_rating_are_cold(wide: Mapping[str, Ratings]) -> None:
    # Nobody has rated the movie 6.
    rows = serialized(pairs([("çy", "1"), ("ann", "6"), ("nobody", "gone")]))
    assert wide[signature_names.COLD_USER](examples=rows).tolist() == [b"no", b"yes", b"yes"]
    assert wide[signature_names.COLD_MOVIE](examples=rows).tolist() == [b"no", b"yes", b"yes"]
