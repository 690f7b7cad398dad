"""What the recommender returns: the final list from both stages, in one graph."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from contracts import features, signatures
from contracts.signatures import CANDIDATES
from trainer_module.common.bounds import bounded
from trainer_module.recommender.order import FinalOrder

Outputs = dict[str, tf.Tensor]

# How many users are ranked at a time where lists are evaluated; see `RetrievalServing`.
EVALUATED_AT_A_TIME = 64


class RecommenderServing(tf.Module):
    """Retrieval, ranking and the final order as they are served.

    Args:
      retrieval: a loaded SavedModel with the signatures of `retrieval`.
      ranking: a loaded SavedModel with those of `ranking`; the same one for a model that does both.
      order: how the candidates are sorted.
    """

    def __init__(self, retrieval: Any, ranking: Any, order: FinalOrder) -> None:
        super().__init__()
        self._retrieval = retrieval
        self._ranking = ranking
        self._order = order

    def signatures(self) -> dict[str, Callable[..., Outputs]]:
        """Concrete functions by signature name."""
        user_id = tf.TensorSpec([None], tf.string, name=features.USER_ID)
        k = tf.TensorSpec([], tf.int32, name=signatures.K)
        excluded = tf.TensorSpec([None, None], tf.string, name=signatures.EXCLUDE_MOVIE_IDS)
        history = tf.TensorSpec([None, None], tf.string, name=features.HISTORY_MOVIE_IDS)
        examples = tf.TensorSpec([None], tf.string, name=signatures.EXAMPLES)
        own = {
            signatures.SERVING_DEFAULT: _function(self._serving_default, user_id),
            signatures.RECOMMEND: _function(self._recommend, user_id, excluded, k),
            signatures.RECOMMEND_FROM_HISTORY: _function(self._recommend_from_history, history),
            signatures.EVALUATE: _function(self._evaluate, examples),
        }
        passed_on = {
            **_passed_on(self._ranking, signatures.RANK),
            **_passed_on(self._ranking, signatures.RANK_EXAMPLES),
            **_passed_on(self._retrieval, signatures.SIMILAR_MOVIES),
        }
        if self._ranking is self._retrieval:
            passed_on |= _passed_on(self._ranking, signatures.TRANSFORM_FEATURES)
        return {**own, **passed_on}

    def _serving_default(self, user_id: tf.Tensor) -> Outputs:
        """user_id [B] to the final list of movies that each user has not rated, as long as that of retrieval.

        `recommend` without exclusions, because a shorter list of retrieval would lack candidates.
        """
        default = self._retrieval.signatures[signatures.SERVING_DEFAULT]
        nothing = tf.zeros([tf.shape(user_id)[0], 0], tf.string)
        return self._recommend(
            user_id, nothing, tf.constant(default.structured_outputs[features.MOVIE_ID].shape[1])
        )

    def _recommend(self, user_id: tf.Tensor, exclude_movie_ids: tf.Tensor, k: tf.Tensor) -> Outputs:
        """user_id [B] to the final top k, without what is rated and `exclude_movie_ids` [B, E]."""
        user_id, exclude_movie_ids, k = bounded(
            {
                features.USER_ID: user_id,
                signatures.EXCLUDE_MOVIE_IDS: exclude_movie_ids,
                signatures.K: k,
            }
        )
        found = self._retrieval.signatures[signatures.RECOMMEND](
            user_id=user_id, exclude_movie_ids=exclude_movie_ids, k=tf.maximum(k, CANDIDATES)
        )
        return self._ordered(found, user_id, k)

    def _recommend_from_history(self, history_movie_ids: tf.Tensor) -> Outputs:
        """history_movie_ids [B, H], oldest first, to the list of retrieval and the ratings of a new user.

        A history without ratings shows what was watched and not how it was liked, so the order of retrieval
        stands.
        """
        found = self._retrieval.signatures[signatures.RECOMMEND_FROM_HISTORY](
            history_movie_ids=history_movie_ids
        )
        nobody = tf.fill(tf.shape(history_movie_ids)[:1], "")
        return {**found, features.USER_RATING: self._ranking.known.rate(nobody, found[features.MOVIE_ID])[1]}

    def _ordered(self, found: Outputs, user_id: tf.Tensor, k: tf.Tensor) -> Outputs:
        """The first k of the list of retrieval [B, N], its first CANDIDATES in the final order."""
        movie_id = found[features.MOVIE_ID]
        raw, ratings, _ = self._ranking.known.rate(user_id, movie_id)
        scores = _list_scores(self._order, movie_id, raw, found[signatures.KNOWN_USER])
        order = tf.argsort(scores, axis=1, direction="DESCENDING", stable=True)[:, :k]

        def sort(values: tf.Tensor) -> tf.Tensor:
            return tf.gather(values, order, batch_dims=1)

        return {
            features.MOVIE_ID: sort(movie_id),
            features.MOVIE_TITLE: sort(found[features.MOVIE_TITLE]),
            signatures.SCORE: sort(scores),
            features.USER_RATING: sort(ratings),
            signatures.KNOWN_USER: found[signatures.KNOWN_USER],
        }

    def _evaluate(self, examples: tf.Tensor) -> Outputs:
        """Serialized Examples [B] to the final list as of training, and to the orders it is compared with."""
        found = self._retrieval.signatures[signatures.EVALUATE](examples=examples)
        spec = {features.USER_ID: tf.io.FixedLenFeature([], tf.string)}
        user_id = tf.io.parse_example(examples, spec)[features.USER_ID]
        movie_id = found[features.MOVIE_ID]
        raw, ratings = self._rated(user_id, movie_id)
        known = found[signatures.COLD_USER] == signatures.NO
        scores = _list_scores(self._order, movie_id, raw, known)
        final = tf.argsort(scores, axis=1, direction="DESCENDING", stable=True)
        by_rating = tf.argsort(
            tf.where(movie_id != "", raw, raw.dtype.min), axis=1, direction="DESCENDING", stable=True
        )
        return {
            **found,
            features.MOVIE_ID: tf.gather(movie_id, final, batch_dims=1),
            signatures.SCORE: tf.gather(scores, final, batch_dims=1),
            signatures.LIST_RATING: tf.gather(ratings, final, batch_dims=1),
            signatures.LIST_POPULARITY: tf.gather(found[signatures.LIST_POPULARITY], final, batch_dims=1),
            signatures.RETRIEVAL_ORDER_MOVIE_ID: movie_id,
            signatures.RATING_ORDER_MOVIE_ID: tf.gather(movie_id, by_rating, batch_dims=1),
        }

    def _rated(self, user_id: tf.Tensor, movie_id: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Ratings as of training, not clipped [B, N] and as they are served [B, N].

        They are the same for a user whoever else is in the batch.

        With the number of rows, the last digits of a matrix product change; so that number is fixed here.
        """
        batch, width = tf.shape(user_id)[0], tf.shape(movie_id)[1]
        missing = tf.where(batch > 0, -batch % EVALUATED_AT_A_TIME, EVALUATED_AT_A_TIME)
        users = tf.reshape(tf.pad(user_id, [[0, missing]]), [-1, EVALUATED_AT_A_TIME])
        movies = tf.reshape(tf.pad(movie_id, [[0, missing], [0, 0]]), [-1, EVALUATED_AT_A_TIME, width])
        spec = tf.TensorSpec([EVALUATED_AT_A_TIME, None], tf.float32)
        found = tf.map_fn(
            lambda part: self._ranking.trained.rate(*part)[:2],
            (users, movies),
            fn_output_signature=(spec, spec),
        )
        raw, ratings = (tf.reshape(values, [-1, width])[:batch] for values in found)
        return raw, ratings


class RerankingServing(tf.Module):
    """A ranking model with the final order, for servers that hold the two stages apart.

    Args:
      ranking: a loaded SavedModel with the signatures of `ranking`.
      order: how candidates are sorted.
    """

    def __init__(self, ranking: Any, order: FinalOrder) -> None:
        super().__init__()
        self._ranking = ranking
        self._order = order

    def signatures(self) -> dict[str, Callable[..., Outputs]]:
        """Concrete functions by signature name."""
        rerank = _function(
            self._rerank,
            tf.TensorSpec([None], tf.string, name=features.USER_ID),
            tf.TensorSpec([None, None], tf.string, name=features.MOVIE_ID),
            tf.TensorSpec([None, None], tf.float32, name=signatures.RETRIEVAL_SCORE),
        )
        passed_on = [_passed_on(self._ranking, name) for name in self._ranking.signatures]
        return {signatures.RERANK: rerank, **{name: one for part in passed_on for name, one in part.items()}}

    def _rerank(self, user_id: tf.Tensor, movie_id: tf.Tensor, retrieval_score: tf.Tensor) -> Outputs:
        """user_id [B], candidates movie_id [B, C] and their scores [B, C] to scores and ratings [B, C].

        The scores are those of the recommender for the same list: beyond its first `CANDIDATES` by
        `retrieval_score`, the order of retrieval stands.
        """
        user_id, movie_id, retrieval_score = bounded(
            {
                features.USER_ID: user_id,
                features.MOVIE_ID: movie_id,
                signatures.RETRIEVAL_SCORE: retrieval_score,
            }
        )
        raw, ratings, known = self._ranking.known.rate(user_id, movie_id)
        # An empty slot does not take a place, whatever its score.
        placed = tf.where(movie_id != "", retrieval_score, retrieval_score.dtype.min)
        best_first = tf.argsort(placed, axis=1, direction="DESCENDING", stable=True)
        listed, rated = (tf.gather(values, best_first, batch_dims=1) for values in (movie_id, raw))
        scores = _list_scores(self._order, listed, rated, known)
        places = tf.argsort(best_first, axis=1)
        return {
            signatures.SCORE: tf.gather(scores, places, batch_dims=1),
            features.USER_RATING: ratings,
        }


def _list_scores(order: FinalOrder, movie_id: tf.Tensor, raw: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Scores of a list of retrieval; what follows the candidates stays behind them, in its order.

    Args:
      order: of the candidates.
      movie_id: best first, [B, N].
      raw: predicted ratings, not clipped, [B, N].
      known: which users are in the models, [B].

    Returns:
      Scores [B, N].
    """
    width = tf.shape(movie_id)[1]
    places = tf.tile(tf.range(width)[tf.newaxis, :], [tf.shape(movie_id)[0], 1])
    given = movie_id != ""
    head, tail = slice(None, CANDIDATES), slice(CANDIDATES, None)
    first = order.scores(places[:, head], raw[:, head], given[:, head], known)
    unordered = FinalOrder(0.0).scores(places[:, tail], raw[:, tail], given[:, tail], known)
    least = tf.reduce_min(tf.where(given[:, head], first, 0.0), axis=1, keepdims=True)
    behind = tf.where(given[:, tail], unordered + tf.minimum(least, 0.0), unordered)
    return tf.concat([first, behind], axis=1)


def _passed_on(model: Any, name: str) -> dict[str, Callable[..., Outputs]]:
    """A signature of a loaded model under its own name, none if the model does not have it."""
    if name not in model.signatures:
        return {}
    signature = model.signatures[name]
    specs = signature.structured_input_signature[1]
    names = list(specs)
    inputs = [tf.TensorSpec(specs[key].shape, specs[key].dtype, name=key) for key in names]

    def call(*values: tf.Tensor) -> Outputs:
        outputs: Outputs = signature(**dict(zip(names, values, strict=True)))
        return outputs

    return {name: _function(call, *inputs)}


def _function(function: Callable[..., Outputs], *inputs: tf.TensorSpec) -> Callable[..., Outputs]:
    concrete: Callable[..., Outputs] = tf.function(
        function, input_signature=list(inputs), autograph=False
    ).get_concrete_function()
    return concrete
