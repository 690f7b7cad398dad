"""DCN-V2 and its variants (Wang et al. 2021, https://arxiv.org/abs/2008.13535)."""

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_recommenders as tfrs

from trainer_module.ranking.hyperparameters import RankingHyperparameters

# Rank of the low-rank cross weights as a share of the input; the paper's section 5.3 finds a quarter keeps
# the accuracy of the full rank.
LOW_RANK_SHARE = 4


class DeepAndCross(tf.keras.layers.Layer):
    """Cross layers and deep layers over the concatenated embeddings x0.

    A cross layer is x_{l+1} = x0 * (W_l x_l + b_l) + x_l (equation 1); `low_rank` writes W_l as U_l V_l^T.

    - `stacked`, `low_rank` and `svdpp`: the cross layers feed the deep ones (figure 1a);
    - `parallel`: both read x0 and their outputs are concatenated (figure 1b);
    - `dnn`: the deep layers alone.
    """

    def __init__(self, hyperparameters: RankingHyperparameters) -> None:
        super().__init__()
        self._hyperparameters = hyperparameters
        self._deep = [
            tf.keras.layers.Dense(units, activation="relu") for units in hyperparameters.hidden_units
        ]
        self._dropout = tf.keras.layers.Dropout(hyperparameters.dropout)

    def build(self, input_shape: tf.TensorShape) -> None:
        """Makes the cross layers, whose rank depends on the width of x0."""
        structure = self._hyperparameters.structure
        rank = None
        if structure == "low_rank":
            rank = self._hyperparameters.projection_dim or max(1, input_shape[-1] // LOW_RANK_SHARE)
        layers = 0 if structure == "dnn" else self._hyperparameters.cross_layers
        self.cross = [
            tfrs.layers.dcn.Cross(projection_dim=rank, kernel_initializer="glorot_uniform")
            for _ in range(layers)
        ]
        super().build(input_shape)

    def call(self, x0: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Concatenated embeddings [B, D] to [B, width of the last layers]."""
        crossed = x0
        for layer in self.cross:
            crossed = layer(x0, crossed)
        if self._hyperparameters.structure == "parallel":
            return tf.concat([crossed, self._run_deep(x0, training)], axis=1)
        return self._run_deep(crossed, training)

    def block_norms(self, widths: Sequence[int]) -> list[npt.NDArray[np.float32]]:
        """How strongly each cross layer crosses each pair of features (the paper's figure 6).

        Args:
          widths: of each feature's part of x0, F of them that add up to D.

        Returns:
          For each cross layer [F, F]: entry (i, j) is the Frobenius norm of the block of W_l through which
          feature j of x_l acts on feature i of x0.
        """
        norms = []
        starts = np.cumsum([0, *widths[:-1]])
        for layer in self.cross:
            # Two factors U, V where the weights are of low rank. Keras keeps kernels transposed.
            kernels = [weight.numpy() for weight in layer.trainable_variables if weight.shape.rank == 2]
            squares = np.square(functools.reduce(np.matmul, kernels).T)
            sums = np.add.reduceat(np.add.reduceat(squares, starts, axis=0), starts, axis=1)
            norms.append(np.sqrt(sums))
        return norms

    def _run_deep(self, inputs: tf.Tensor, training: bool) -> tf.Tensor:
        outputs = inputs
        for layer in self._deep:
            outputs = self._dropout(layer(outputs), training=training)
        return outputs
