"""Both stages with planted weights: the real serving modules over tables whose answers are known."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from contracts import features, signatures
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.tiny_world import silence, variable
from trainer_module.common.serving_tables import MovieTable, UserTable
from trainer_module.ranking.rating_lists import RatingLists
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.index import BruteForce
from trainer_module.retrieval.signatures import RetrievalServing, recent_popularity, total_popularity
from trainer_module.retrieval.towers import QUERY_FEATURES, QueryTower, extra_dims

# By movie: its one embedding, which orders it for known users, and the rating of it by everybody, in stars.
# 5.5 and 5.2 are the same once they are clipped to the scale of 1 to 5.
EMBEDDINGS = {"a": 6.0, "b": 5.0, "c": 4.0, "d": 3.0, "e": 2.0, "f": 1.0}
STARS = {"a": 3.0, "b": 2.0, "c": 5.5, "d": 5.2, "e": 4.0, "f": 1.0}
MOVIES = tiny_world.catalogue(list(EMBEDDINGS))
SCALE = (1.0, 5.0)
# f, e, d, ... by popularity. "ann" has rated nothing else than "f" in training, and "a" later.
TRAINING = {
    "ann": [("f", 3.0, 9)],
    **{
        f"old {movie}": [(at, 3.0, 5) for at in "fedcba"[: place + 1]] for place, movie in enumerate("abcdef")
    },
}
KNOWN = {**TRAINING, "ann": [*TRAINING["ann"], ("a", 3.0, 10)], "new": [("b", 3.0, 10)]}
PLAIN = {"dropout": 0, "unknown_id_share": 0, "sequence_length": 0, "periods": 2, "embedding_dim": 1}
UNKNOWN_USER = "nobody"


def user_tables(folder: Path, keep_rated: bool) -> tuple[UserTable, UserTable]:
    """The users as of all that is known and as of training."""
    known, training = (
        UserTable(
            tiny_world.states(MOVIES, ratings),
            history_length=2,
            keep_rated=keep_rated,
            mean_rating=3.0,
            asset_file=str(folder / name),
        )
        for ratings, name in ((KNOWN, "known"), (TRAINING, "training"))
    )
    return known, training


def save_retrieval(folder: Path, top_k: int) -> str:
    """Writes a retrieval model that gives every known user a, b, c, ... and returns its folder."""
    (folder / "assets").mkdir(parents=True)
    tower = QueryTower(
        tiny_world.sizes(users=len(KNOWN), movies=len(MOVIES)),
        tf.Variable(tf.zeros([0, 0]), trainable=False),
        RetrievalHyperparameters.model_validate(PLAIN),
    )
    rows = tiny_world.batch([tiny_world.transformed("", "")], history_length=2)
    tower({name: rows[name] for name in QUERY_FEATURES})
    silence(tower)
    variable(tower, features.USER_INDEX).assign(np.ones([len(KNOWN) + 1, 1]))
    embeddings = np.array(list(EMBEDDINGS.values()), np.float32)[:, np.newaxis]
    training = tiny_world.states(MOVIES, TRAINING)
    users, training_users = user_tables(folder / "assets", keep_rated=True)
    serving = RetrievalServing(
        query_tower=tower,
        candidates=BruteForce(np.pad(embeddings, [(0, 0), (0, extra_dims(2))])),
        directions=BruteForce(embeddings),
        movies=MovieTable(MOVIES, str(folder / "assets" / "movies")),
        users=users,
        training_users=training_users,
        popularity=total_popularity(training, len(MOVIES)),
        recent=recent_popularity(training, len(MOVIES)),
        top_k=top_k,
    )
    tf.saved_model.save(serving, str(folder / "model"), signatures=serving.signatures())
    return str(folder / "model")


class PlantedRanking(tf.Module):
    """`RatingLists` over `STARS`, with the signature that it needs beside them.

    Args:
      folder: for the files of its tables.
      stars: of each movie as of all that is known, and as of training.
    """

    def __init__(self, folder: Path, stars: Mapping[str, float], trained: Mapping[str, float]) -> None:
        super().__init__()
        users, training_users = user_tables(folder, keep_rated=False)
        movies = MovieTable(MOVIES, str(folder / "movies"))
        self.known = rating_lists(stars, users, movies)
        self.trained = rating_lists(trained, training_users, movies)

    def signatures(self) -> dict[str, Callable[..., Any]]:
        """Concrete functions by signature name."""

        def rank(user_id: tf.Tensor, movie_id: tf.Tensor) -> dict[str, tf.Tensor]:
            return {features.USER_RATING: self.known.rate(user_id, movie_id)[1]}

        specs = [
            tf.TensorSpec([None], tf.string, name=features.USER_ID),
            tf.TensorSpec([None, None], tf.string, name=features.MOVIE_ID),
        ]
        return {signatures.RANK: tf.function(rank, input_signature=specs).get_concrete_function()}


def rating_lists(stars: Mapping[str, float], users: UserTable, movies: MovieTable) -> RatingLists:
    """Rates each movie as planted, and one that the catalogue does not hold 3 stars."""
    table = tf.Variable([3.0, *stars.values()], trainable=False)

    def predict(inputs: dict[str, tf.Tensor], user_of_pair: tf.Tensor) -> tf.Tensor:
        return tf.gather(table, inputs[features.MOVIE_INDEX])

    return RatingLists(predict, [table], users, movies, SCALE)


def save_ranking(
    folder: Path, stars: Mapping[str, float] = STARS, trained: Mapping[str, float] = STARS
) -> str:
    """Writes a ranking model of planted ratings and returns its folder."""
    (folder / "assets").mkdir(parents=True)
    ranking = PlantedRanking(folder / "assets", stars, trained)
    tf.saved_model.save(ranking, str(folder / "model"), signatures=ranking.signatures())
    return str(folder / "model")


def listed(outputs: Mapping[str, Any], name: str = features.MOVIE_ID) -> list[str]:
    """The ids of each list as one text, e.g. "abc"; "." is an empty slot."""
    return ["".join(id_.decode() or "." for id_ in row) for row in outputs[name]]
