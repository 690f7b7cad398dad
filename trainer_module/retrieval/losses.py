"""The losses of retrieval, over the scores of some candidates; every rating to be found counts the same.

Scores, targets and hidden are [B, S]: B queries and S candidates, which are the catalogue or a sample of it.
`targets` is 1 where a candidate is to be found and 0 elsewhere. What is `hidden`, because the query has
read it or because it came later, is neither a target nor a negative.
"""

import tensorflow as tf

# A score whose exponential is 0 beside any other.
NO_CANDIDATE = -1e9


def softmax_loss(scores: tf.Tensor, targets: tf.Tensor, hidden: tf.Tensor) -> tf.Tensor:
    """Mean over all targets of -log(exp(s) / sum of exp over the candidates), [].

    Several targets of one row share the probability (the multinomial likelihood of Liang et al. 2018,
    https://arxiv.org/abs/1802.05814).
    """
    scores = tf.where(hidden, NO_CANDIDATE, scores)
    # The fused operation wants labels that add up to 1, so each row is weighed by its targets afterwards.
    each = tf.reduce_sum(targets, axis=1)
    labels = targets / tf.maximum(each, 1.0)[:, tf.newaxis]
    losses = tf.nn.softmax_cross_entropy_with_logits(labels, scores)
    return tf.reduce_sum(each * losses) / _count(targets)


def squared_loss(
    scores: tf.Tensor,
    targets: tf.Tensor,
    hidden: tf.Tensor,
    given: tf.Tensor,
    unobserved_weight: float,
    given_weight: float,
) -> tf.Tensor:
    """Sum of w (s - t)^2 over the number of targets, [].

    w is 1 for a target and `unobserved_weight` for the others (weighted regularized matrix factorization,
    Hu, Koren and Volinsky 2008, https://doi.org/10.1109/ICDM.2008.22). Of what is hidden only what is `given`
    counts, [B, S]: t is 1 and w is `given_weight`, as an autoencoder has its input among its targets.
    """
    weights = tf.where(targets > 0, 1.0, tf.where(hidden, 0.0, unobserved_weight))
    weights = tf.where(given, given_weight, weights)
    wanted = tf.where(given, 1.0, targets)
    return tf.reduce_sum(weights * tf.square(scores - wanted)) / _count(targets)


def log_inclusion(sampling_probability: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Log of the probability that a candidate is among so many draws, [S].

    Subtracted from the scores it corrects for popular candidates being in most batches (Yi et al. 2019,
    equation 3, for a sample that holds each candidate once).
    """
    missed = tf.cast(draws, tf.float32) * tf.math.log1p(-sampling_probability)
    return tf.math.log(-tf.math.expm1(missed))


def _count(targets: tf.Tensor) -> tf.Tensor:
    return tf.maximum(tf.reduce_sum(targets), 1.0)
