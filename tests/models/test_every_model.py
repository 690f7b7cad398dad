"""What every model must do: train, improve, save, reload, answer the same, and be safe with unknown ids."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from contracts import features, signatures
from tests.models import checkerboard
from tests.models.checkerboard import GENRES, MOVIES, USERS, movies, ratings, taste, unrated
from tests.models.trained_model import Trained, World, answers, listed, train
from tests.transform_run import run_transform
from tests.unit.trainer_module.tiny_world import example, write

pytestmark = pytest.mark.slow

FIT = {"epochs": 12, "patience": 4, "batch_size": 128, "learning_rate": 0.01, "validation_share": 0.1}
SMALL = {**FIT, "embedding_dim": 8, "dropout": 0.1}
# Some ratings of each user weigh little against the penalties that suit tens of thousands.
RATED = {**SMALL, "hidden_units": [16], "l2_factors": 0.005, "l2_history": 0.002, "l2_biases": 0.001}
# A dozen ratings are few to learn the embedding of a user from.
LISTED = {"top_k": MOVIES, "user_l2": 0.01, "dropout": 0.3}
# The order in which somebody rated carries no information; one model reads it all the same.
BAG = {"sequence_length": 0}
# By name: the module of its `run_fn`, and its hyperparameters.
MODELS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "retrieval, full_softmax": ("retrieval", {**SMALL, **LISTED, **BAG, "loss": "full_softmax"}),
    "retrieval, sampled_softmax": (
        "retrieval",
        {**SMALL, **LISTED, "sequence_length": 2, "loss": "sampled_softmax"},
    ),
    "retrieval, weighted_squared": (
        "retrieval",
        # A step of these examples takes so many users instead of ratings.
        {
            **SMALL,
            **LISTED,
            **BAG,
            "loss": "weighted_squared",
            "examples": "held_out",
            "batch_size": 32,
            "epochs": 20,
        },
    ),
    **{
        f"ranking, {structure}": ("ranking", {**RATED, "structure": structure})
        for structure in ("stacked", "parallel", "low_rank", "dnn", "svdpp")
    },
    **{
        f"joint, {structure}": (
            "joint",
            {
                "retrieval": {**SMALL, **LISTED, **BAG},
                "ranking": {**RATED, "dropout": LISTED["dropout"], "structure": structure},
            },
        )
        for structure in ("stacked", "svdpp")
    },
}


EVERYBODY = [f"u{number}" for number in range(USERS)]
EVERYTHING = [f"m{number}" for number in range(MOVIES)]
# A rating of an unknown user and an unknown movie, in a genre that no movie has.
STRANGE = {**ratings()[0], "user_id": "nobody", "movie_id": "no-such", "movie_genres": [GENRES[1]]}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The checkerboard after Transform."""
    folder = tmp_path_factory.mktemp("checkerboard")
    rows = ratings()
    return World(
        run_transform(folder, rows),
        write(folder / "movies.gz", movies()),
        [*map(example, rows[:50]), example(STRANGE)],
    )


@pytest.fixture(scope="module", params=MODELS)
def trained(
    request: pytest.FixtureRequest, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    module, hyperparameters = MODELS[request.param]
    return train(world, module, hyperparameters, tmp_path_factory.mktemp(module), history_length=12)


def test_it_improves(trained: Trained) -> None:
    losses = trained.fit["epochs"]["loss"]
    assert losses[-1] < 0.95 * losses[0]
    metrics = trained.fit["epochs"][trained.fit["monitor"]]
    assert trained.fit["best"] != metrics[0]
    assert trained.fit["best"] in (min(metrics), max(metrics))


def test_it_finds_the_planted_tastes(trained: Trained) -> None:
    rows = ratings()
    left = [unrated(number, rows) for number in range(USERS)]
    if trained.ranks:
        lists, known = trained.lists(EVERYBODY)
        assert all(known)
        first = [
            len(own & set(ranked[: len(own)])) / len(own)
            for ranked, (own, _) in zip(lists, left, strict=True)
        ]
        # By chance, and by popularity, 4 of 15.
        assert np.mean(first) > 0.9
        assert all(set(ranked) == own | other for ranked, (own, other) in zip(lists, left, strict=True))
    if trained.rates:
        found = trained.ratings(EVERYBODY, [EVERYTHING] * USERS)
        own = np.equal.outer(
            [taste(number) for number in range(USERS)], [taste(number) for number in range(MOVIES)]
        )
        # 4.5 and 1.5 stars are right.
        assert np.mean(found[own]) == pytest.approx(4.5, abs=0.4)
        assert np.mean(found[~own]) == pytest.approx(1.5, abs=0.4)
        assert np.mean((found > 3) == own) > 0.95


def test_moved_elsewhere_it_gives_the_same_answers_as_before_it_was_saved(
    trained: Trained, world: World
) -> None:
    again = answers(trained.signatures, world.examples)
    assert set(again) == set(trained.before)
    for signature, outputs in trained.before.items():
        assert set(again[signature]) == set(outputs)
        for name, values in outputs.items():
            np.testing.assert_array_equal(again[signature][name], values, f"{signature}: {name}")


def test_unknown_ids_are_safe(trained: Trained) -> None:
    unknown_users = ["nobody", "", "u1"]
    if trained.ranks:
        lists, known = trained.lists(unknown_users)
        assert known == [False, False, True]
        assert [set(ranked) for ranked in lists[:2]] == [set(EVERYTHING)] * 2
        unknown = tf.constant([["no-such", ""], ["m1", "no-such"]])
        excluding = trained.signatures[signatures.RECOMMEND](
            user_id=tf.constant(["nobody"] * 2), exclude_movie_ids=unknown, k=tf.constant(MOVIES)
        )
        from_history = trained.signatures[signatures.RECOMMEND_FROM_HISTORY](history_movie_ids=unknown)
        for found in (excluding, from_history):
            assert [set(ranked) for ranked in listed(found)] == [set(EVERYTHING), {*EVERYTHING} - {"m1"}]
        similar = trained.signatures[signatures.SIMILAR_MOVIES](
            movie_id=tf.constant(["no-such", "", "m1"]), k=tf.constant(MOVIES)
        )
        assert similar[signatures.KNOWN_MOVIE].numpy().tolist() == [False, False, True]
        assert [set(ranked) for ranked in listed(similar)] == [set(), set(), {*EVERYTHING} - {"m1"}]
    if trained.rates:
        found = trained.ratings(unknown_users, [["m1", "no-such", ""]] * 3)
        assert np.isfinite(found).all()
        assert ((found >= 1) & (found <= 5)).all()
        signature = signatures.RANK_EXAMPLES if trained.ranks else signatures.SERVING_DEFAULT
        answer = trained.signatures[signature](examples=tf.constant([example(STRANGE)]))
        assert 1 <= answer[features.USER_RATING].numpy()[0] <= 5


def test_the_world_has_no_popularity_to_lean_on() -> None:
    rows = ratings()
    counts = [sum(row["movie_id"] == f"m{number}" for row in rows) for number in range(MOVIES)]
    assert max(counts) < 1.5 * min(counts)
    assert len(rows) == USERS * (checkerboard.OWN + checkerboard.OTHER)
