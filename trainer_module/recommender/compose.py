"""The `compose_fn`: fits the final order and writes the recommender, and ranking with the order in it."""

import io
import json
import os
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from contracts import artifacts
from trainer_module.recommender.order import Floats, ValidationLists, fit_order
from trainer_module.recommender.signatures import RecommenderServing, RerankingServing

# Users rated at a time on validation.
_BATCH = 256


class ComposerArgs(Protocol):
    """What a `compose_fn` reads of the arguments that `RecommenderComposer` passes.

    Attributes:
      retrieval_model: folder of the SavedModel that retrieves.
      ranking_model: folder of the one that ranks; the same for a model that does both.
      retrieval_run: folder of what its training left.
      ranking_run: the same of the model that ranks.
      serving_model_dir: where to write the recommender.
      ranking_model_dir: where to write ranking with `rerank`, None for a model that does both.
      record_file: where to write the order and how it did on validation.
    """

    retrieval_model: str
    ranking_model: str
    retrieval_run: str
    ranking_run: str
    serving_model_dir: str
    ranking_model_dir: str | None
    record_file: str


def compose_fn(args: ComposerArgs) -> dict[str, Any]:
    """Fits the final order on validation and writes the composed SavedModels.

    Returns:
      The record that is written too; see `fit_order`.
    """
    lists = read_validation_lists(args.retrieval_run)
    order, record = fit_order(lists, _validation_ratings(args.ranking_run, lists))
    with tf.io.gfile.GFile(args.record_file, "w") as file:
        file.write(json.dumps(record, indent=2))
    retrieval = tf.saved_model.load(args.retrieval_model)
    together = args.ranking_model == args.retrieval_model
    ranking = retrieval if together else tf.saved_model.load(args.ranking_model)
    recommender = RecommenderServing(retrieval, ranking, order)
    tf.saved_model.save(recommender, args.serving_model_dir, signatures=recommender.signatures())
    if args.ranking_model_dir is not None:
        reranking = RerankingServing(ranking, order)
        tf.saved_model.save(reranking, args.ranking_model_dir, signatures=reranking.signatures())
    return record


def read_validation_lists(model_run_dir: str) -> ValidationLists:
    """Reads what `trainer_module.retrieval.validation_lists` wrote.

    Raises:
      FileNotFoundError: the training left no lists.
    """
    path = os.path.join(model_run_dir, artifacts.VALIDATION_LISTS_FILE)
    if not tf.io.gfile.exists(path):
        raise FileNotFoundError(f"{path}: the retrieval model has left no validation lists; train it again")
    with tf.io.gfile.GFile(path, "rb") as file:
        archive = np.load(io.BytesIO(file.read()))
    movie_id, users = archive["movie_id"], archive["target_user"]
    wanted = archive["target_rating"].astype(np.float64)
    stars = np.zeros(movie_id.shape)
    for user, movie, rating in zip(users, archive["target_movie_id"], wanted, strict=True):
        stars[user, movie_id[user] == movie] = rating
    return ValidationLists(archive["user_id"], movie_id, stars, (wanted, users))


def _validation_ratings(model_run_dir: str, lists: ValidationLists) -> Floats:
    """Ratings of the candidates [U, N], by a model that was not trained on the held-out ratings."""
    ranking = tf.saved_model.load(os.path.join(model_run_dir, artifacts.VALIDATION_RANKING))
    parts = [
        ranking.rate(
            tf.constant(lists.user_id[at : at + _BATCH]), tf.constant(lists.movie_id[at : at + _BATCH])
        )[0]
        for at in range(0, len(lists.user_id), _BATCH)
    ]
    ratings: Floats = np.concatenate([part.numpy() for part in parts]).astype(np.float64)
    return ratings
