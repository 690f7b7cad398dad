"""A retrieval model whose weights are 0, so that a test can plant the ones it needs, and batches for it."""

import numpy as np
import tensorflow as tf

from contracts import features
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.tiny_world import silence, variable
from trainer_module.retrieval.examples import RATED, TARGETS
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.model import RetrievalModel
from trainer_module.retrieval.towers import QUERY_FEATURES

HISTORY = 3
PLAIN = {
    "dropout": 0,
    "unknown_id_share": 0,
    "sequence_length": 0,
    "l2": 0,
    "user_l2": 0,
    "history_l2": 0,
    "periods": 3,
}


def model(
    movies: int,
    ratings: list[float] | None = None,
    dim: int = 1,
    first_period: tuple[int, ...] = (),
    **settings: object,
) -> RetrievalModel:
    """A model of 3 periods and as many users as movies, all of whose weights are 0.

    Args:
      movies: their ids and vocabulary indices are 1, 2, ...
      ratings: of each movie, of all time and of the month before each moment.
      dim: of the towers.
      first_period: of each movie; all of them are there from the first one if left out.
      settings: other hyperparameters.
    """
    counts = np.array(ratings or [1.0] * movies, np.float32)
    built = RetrievalModel(
        tiny_world.sizes(users=movies, movies=movies),
        RetrievalHyperparameters.model_validate({"embedding_dim": dim, **PLAIN, **settings}),
        tiny_world.catalogue([str(movie) for movie in range(1, movies + 1)]),
        np.repeat(counts[:, None], 1 + 3 + 1, axis=1),
        np.array(first_period or [1] * movies, np.int32),
    )
    built.compute_loss(watched([(1, 1), (2, 2)]))
    silence(built)
    built.compile()
    return built


def watched(
    pairs: list[tuple[int, int]], history: tuple[int, ...] = (0,), period: int = 0
) -> dict[str, tf.Tensor]:
    """A batch of (user index, movie index), whose users have rated their history."""
    queries = tiny_world.batch(
        [tiny_world.transformed(str(user), "", user_index=user) for user, _ in pairs], HISTORY
    )
    return {
        **{name: queries[name] for name in QUERY_FEATURES},
        features.HISTORY_MOVIE_INDEX: tf.constant([history] * len(pairs), tf.int64),
        features.PERIOD_INDEX: tf.fill([len(pairs)], period),
        TARGETS: tf.constant([[movie - 1] for _, movie in pairs]),
        RATED: tf.constant([[movie - 1 for movie in history]] * len(pairs)),
    }


def plant(built: RetrievalModel, users: object, movies: object) -> None:
    """Sets the embeddings of users and movies, row 0 being the unknown one."""
    variable(built.query_tower, features.USER_INDEX).assign(users)
    variable(built.candidate_tower, "movie_index_embedding").assign(movies)


def metrics(built: RetrievalModel, batch: dict[str, tf.Tensor]) -> tuple[float, float]:
    """Recall@10 and NDCG@10."""
    found = built.evaluate(tf.data.Dataset.from_tensors(batch), verbose=0, return_dict=True)
    return float(found["recall_at_10"]), float(found["ndcg_at_10"])


def recall(built: RetrievalModel, batch: dict[str, tf.Tensor]) -> float:
    return metrics(built, batch)[0]
