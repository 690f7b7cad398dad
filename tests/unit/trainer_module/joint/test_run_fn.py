"""The joint model: its loss and its metric by hand, what is shared, and which signatures it exports."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from contracts import artifacts, features
from contracts import signatures as signature_names
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.tiny_world import RATINGS, example, silence, variable
from trainer_module.common.inputs import validation_mask
from trainer_module.joint.batches import RANKING, RETRIEVAL, held_out_with_ratings, side_by_side
from trainer_module.joint.hyperparameters import JointHyperparameters
from trainer_module.joint.run_fn import JointModel, run_fn
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.ranking.run_fn import RankingModel
from trainer_module.retrieval.examples import NO_TARGET, RATED, TARGETS
from trainer_module.retrieval.model import RetrievalModel
from trainer_module.retrieval.towers import QUERY_FEATURES

pytestmark = pytest.mark.slow

MOVIES = 3
HISTORY = 3


def model(**weights: float) -> JointModel:
    """A model of as many users as movies, all of whose weights are 0 and whose mean rating is 3."""
    small = {"embedding_dim": 2, "dropout": 0.0, "unknown_id_share": 0.0, "l2": 0.0}
    chosen = JointHyperparameters.model_validate(
        {
            "retrieval": {**small, "user_l2": 0.0, "history_l2": 0.0, "sequence_length": 0, "periods": 1},
            "ranking": {**small, "hidden_units": (2,)},
            **weights,
        }
    )
    sizes = tiny_world.sizes(users=MOVIES, movies=MOVIES)
    catalogue = tiny_world.catalogue([str(movie) for movie in range(1, MOVIES + 1)])
    built = JointModel(
        RetrievalModel(
            sizes, chosen.towers, catalogue, np.ones([MOVIES, 3], np.float32), np.ones(MOVIES, np.int32)
        ),
        RankingModel(sizes, chosen.ranking, 3.0),
        chosen,
        scale_width=4.0,
    )
    built.compute_loss(batch([(1, 1, 3.0)]))
    built(batch([(1, 1, 3.0)])[RANKING])
    silence(built)
    variable(built, "rating/bias").assign([3.0])
    built.compile()
    return built


def batch(rows: list[tuple[int, int, float]]) -> dict[str, dict[str, tf.Tensor]]:
    """A batch of (user index, movie index, rating), for both tasks."""
    rated = tiny_world.batch(
        [
            tiny_world.transformed(
                str(user), str(movie), user_index=user, movie_index=movie, user_rating=rating
            )
            for user, movie, rating in rows
        ],
        HISTORY,
    )
    targets = tf.constant([[movie - 1] for _, movie, _ in rows])
    queries = {name: rated[name] for name in QUERY_FEATURES}
    return {
        RETRIEVAL: {**queries, TARGETS: targets, RATED: tf.fill([len(rows), 1], NO_TARGET)},
        RANKING: rated,
    }


ROWS = batch([(1, 1, 5.0), (2, 2, 2.0)])


def plant(built: JointModel) -> None:
    """User n and movie n get the same direction."""
    directions = [[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]
    variable(built.retrieval.query_tower, features.USER_INDEX).assign(directions)
    variable(built.retrieval.candidate_tower, "movie_index_embedding").assign(directions)


def test_the_loss_is_the_weighted_sum_of_both() -> None:
    built = model(retrieval_weight=0.5, ranking_weight=3.0)
    # Squared errors of 4 and 1 against the mean of 3.
    alone = float(built.retrieval.compute_loss(ROWS[RETRIEVAL]))
    assert float(built.compute_loss(ROWS)) == pytest.approx(0.5 * alone + 3.0 * 2.5, rel=1e-5)
    assert alone > 0


@pytest.mark.parametrize(
    ("weights", "moved", "still"),
    [((1.0, 0.0), "query_tower", "ranking_model"), ((0.0, 1.0), "ranking_model", "query_tower")],
)
def test_a_task_without_weight_is_not_trained(weights: tuple[float, float], moved: str, still: str) -> None:
    built = model(retrieval_weight=weights[0], ranking_weight=weights[1])
    plant(built)
    parts = {"query_tower": built.retrieval.query_tower, "ranking_model": built.ranking}
    with tf.GradientTape(persistent=True) as tape:
        loss = built.compute_loss(ROWS, training=True)
    changes = {
        name: [each for each in tape.gradient(loss, part.trainable_variables) if each is not None]
        for name, part in parts.items()
    }
    assert any(np.abs(tf.convert_to_tensor(each)).max() > 0 for each in changes[moved])
    assert all(np.abs(tf.convert_to_tensor(each)).max() == 0 for each in changes[still])


def test_a_rating_is_the_ranking_model_s_and_the_weighted_match_of_the_towers() -> None:
    built = model()
    plant(built)
    variable(built, "match").assign([[0.5], [0.25], *[[0.0]] * 4])
    pairs = batch([(1, 1, 3.0), (2, 2, 3.0), (1, 2, 3.0)])
    # 3 + .5 * 2 * 2, 3 + .25 * 2 * 2, and nothing in common.
    np.testing.assert_allclose(built(pairs[RANKING]), [5.0, 4.0, 3.0], rtol=1e-5)


def test_ratings_train_the_towers_once_the_match_counts() -> None:
    built = model(retrieval_weight=0.0)
    plant(built)
    variable(built, "match").assign([[0.5], [0.5], *[[0.0]] * 4])
    with tf.GradientTape() as tape:
        loss = built.compute_loss(ROWS, training=True)
    users = variable(built.retrieval.query_tower, features.USER_INDEX)
    assert np.abs(tf.convert_to_tensor(tape.gradient(loss, users))).max() > 0


@pytest.mark.parametrize(
    ("weights", "error"),
    [
        # All movies are found, and the error of 1.5811 stars is .3953 of the scale.
        ((1.0, 0.0), 0.0),
        ((0.0, 1.0), np.sqrt(2.5) / 4),
        ((3.0, 1.0), np.sqrt(2.5) / 8),
    ],
)
def test_the_metric_of_both_is_their_mean_whatever_the_losses_weigh(
    weights: tuple[float, float], error: float
) -> None:
    built = model(retrieval_weight=weights[0], ranking_weight=weights[1])
    plant(built)
    metrics = built.evaluate(tf.data.Dataset.from_tensors(ROWS), verbose=0, return_dict=True)
    assert metrics["recall_at_10"] == 1
    assert metrics["rmse"] == pytest.approx(np.sqrt(2.5), rel=1e-5)
    assert metrics["joint_error"] == pytest.approx(error, abs=1e-5)


def test_both_tasks_are_validated_on_the_same_ratings() -> None:
    catalogue = tiny_world.catalogue(["a", "b", "c"])
    states = tiny_world.states(
        catalogue, {f"u{user}": [(movie, 3.0, 1) for movie in "abc"] for user in range(20)}
    )
    hyperparameters = RankingHyperparameters(validation_share=0.3)
    chosen = held_out_with_ratings(states, catalogue, hyperparameters, seed=7)
    assert 0 < chosen.sum() < len(chosen) / 2
    ids = {
        features.USER_ID: tf.constant([f"u{user}" for user in range(20) for _ in "abc"]),
        features.MOVIE_ID: tf.constant(["a", "b", "c"] * 20),
    }
    assert chosen.tolist() == validation_mask(ids, 0.3, 7).numpy().tolist()
    with pytest.raises(ValueError, match="holds out none of the training examples"):
        held_out_with_ratings(states, catalogue, RankingHyperparameters(validation_share=1e-9), seed=7)


def test_validation_counts_every_row_of_both_once() -> None:
    rows = {name: tf.data.Dataset.from_tensor_slices({"x": tf.range(10)}) for name in "ab"}
    train, validation = side_by_side(
        (rows["a"].batch(5), rows["a"].batch(2)), (rows["b"].batch(3), rows["b"].batch(10))
    )
    # An epoch is one of the ratings.
    assert sum(1 for _ in train) == 4
    seen: dict[str, list[int]] = {RETRIEVAL: [], RANKING: []}
    for both in validation:
        for name, found in seen.items():
            found += both[name]["x"].numpy().tolist()
    assert seen == {RETRIEVAL: list(range(10)), RANKING: list(range(10))}


def test_a_model_without_any_task_is_refused() -> None:
    with pytest.raises(ValidationError, match="both 0: one of them has to count"):
        JointHyperparameters(retrieval_weight=0, ranking_weight=0)


@pytest.mark.slow
def test_a_training_run_exports_what_both_answer(
    tmp_path: Path, trainer_args: Callable[..., SimpleNamespace]
) -> None:
    run_fn(
        trainer_args(
            {
                "retrieval": {"embedding_dim": 4},
                "ranking": {"epochs": 2, "validation_share": 0.4, "embedding_dim": 4},
            },
            tuned={"values": {"ranking_weight": 2.0, "retrieval.dropout": 0.1}},
        )
    )
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    assert {
        signature_names.SERVING_DEFAULT,
        signature_names.RECOMMEND,
        signature_names.RECOMMEND_FROM_HISTORY,
        signature_names.SIMILAR_MOVIES,
        signature_names.RANK,
        signature_names.RANK_EXAMPLES,
        signature_names.EVALUATE,
    } <= set(signatures)
    rows = tf.constant([example(row) for row in RATINGS])
    found = signatures[signature_names.EVALUATE](examples=rows)
    assert found[features.MOVIE_ID].shape[0] == len(RATINGS)
    np.testing.assert_array_equal(
        found[features.USER_RATING],
        signatures[signature_names.RANK_EXAMPLES](examples=rows)[features.USER_RATING],
    )
    lists = signatures[signature_names.SERVING_DEFAULT](user_id=tf.constant(["ann", "nobody"]))
    assert lists[signature_names.KNOWN_USER].numpy().tolist() == [True, False]
    rated = signatures[signature_names.RANK](user_id=tf.constant(["ann"]), movie_id=tf.constant([["1", "6"]]))
    assert rated[features.USER_RATING].shape == (1, 2)
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert {
        artifacts.FIT_FILE,
        artifacts.INDEX_FILE,
        artifacts.CROSS_WEIGHTS_FILE,
        artifacts.MOVIE_EMBEDDINGS_FILE,
    } <= left
