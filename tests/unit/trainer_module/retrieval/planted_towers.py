"""A served retrieval model with planted towers: written, loaded again and called by signature."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from contracts import features, signatures
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.loaded_model import Answer, load
from tests.unit.trainer_module.tiny_world import silence, variable
from trainer_module.common.serving_tables import MovieTable, UserTable
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.index import BruteForce, Index, Partitioned
from trainer_module.retrieval.signatures import (
    RetrievalServing,
    recent_popularity,
    total_popularity,
)
from trainer_module.retrieval.towers import QUERY_FEATURES, QueryTower, extra_dims

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
    return load(str(folder / "model"))


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
