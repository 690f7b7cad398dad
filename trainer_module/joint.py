"""Retrieval and ranking as one multi-task model, and the `run_fn` that trains and exports it."""

import os
import tempfile
from collections.abc import Callable, Mapping
from typing import Final

import tensorflow as tf
import tensorflow_recommenders as tfrs

from trainer_module import features, ranking, retrieval
from trainer_module.fitting import fit
from trainer_module.hyperparameters import JointHyperparameters
from trainer_module.inputs import TrainerArgs
from trainer_module.mean_loss import MeanLossModel
from trainer_module.training_setup import TrainingSetup
from trainer_module.user_states import read_user_states

MONITOR = "val_joint_error"
MODE: Final = "min"

Outputs = dict[str, tf.Tensor]
Signatures = dict[str, Callable[..., Outputs]]


class JointModel(MeanLossModel):
    """A retrieval model and a ranking model on the same towers, trained together.

    The rating is what the ranking model says and sum_d w_d q_d c_d, a weighted inner product of the query q
    and the candidate c of the retrieval model's towers (generalized matrix factorization, He et al. 2017,
    equation 9), so both losses train the towers. The loss is the weighted sum of both (Caruana 1997).

    Args:
      retrieval_model: whose towers both tasks read.
      ranking_model: the rest of the rating.
      hyperparameters: the weights.
      scale_width: stars from the lowest to the highest rating.
    """

    def __init__(
        self,
        retrieval_model: retrieval.RetrievalModel,
        ranking_model: ranking.RankingModel,
        hyperparameters: JointHyperparameters,
        scale_width: float,
    ) -> None:
        super().__init__()
        self.retrieval = retrieval_model
        self.ranking = ranking_model
        self._retrieval_weight = hyperparameters.retrieval_weight
        self._ranking_weight = hyperparameters.ranking_weight
        self._scale_width = scale_width
        # Nothing at first, so that ratings do not pull at towers that still mean nothing.
        self._match = tf.keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="match")
        self._rmse = tf.keras.metrics.RootMeanSquaredError(name="rmse")
        self._task = tfrs.tasks.Ranking(loss=tf.keras.losses.MeanSquaredError(), metrics=[self._rmse])

    def call(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Transformed features of B (user, movie) pairs to ratings [B], not clipped."""
        queries = self.retrieval.query_tower(
            {name: inputs[name] for name in retrieval.QUERY_FEATURES}, training=training
        )
        candidates = self.retrieval.candidate_tower(
            {name: inputs[name] for name in retrieval.CANDIDATE_FEATURES}, training=training
        )
        return self.ranking(inputs, training=training) + tf.squeeze(self._match(queries * candidates), axis=1)

    def compute_loss(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Weighted sum of the retrieval loss and the mean squared error of a batch of Examples."""
        loss = tf.zeros([])
        if self._retrieval_weight:
            loss += self._retrieval_weight * self.retrieval.compute_loss(inputs, training=training)
        if self._ranking_weight:
            loss += self._ranking_weight * self._rating_loss(inputs, training)
        return loss

    def train_step(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One step; returns the epoch's mean loss so far and, where ratings count, their error."""
        super().train_step(inputs)
        logs = {"loss": self._mean_loss.result()}
        return {**logs, self._rmse.name: self._rmse.result()} if self._ranking_weight else logs

    def test_step(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The retrieval model's figures, the error of the ratings, and one figure of both.

        That one, `joint_error`, is the weighted mean of what recall lacks to 1 and of the error as a share
        of the scale: both lie between 0 and 1, and either is all of it where the other does not count.
        """
        found = self.retrieval.test_step(inputs)
        self._rating_loss(inputs, training=False)
        rmse = self._rmse.result()
        share = self._retrieval_weight / (self._retrieval_weight + self._ranking_weight)
        missed = 1.0 - found[f"recall_at_{retrieval.RECALL_AT}"]
        error = share * missed + (1 - share) * rmse / self._scale_width
        return {**found, self._rmse.name: rmse, "joint_error": error}

    def _rating_loss(self, inputs: Mapping[str, tf.Tensor], training: bool) -> tf.Tensor:
        predicted = self(inputs, training=training)
        return self._task(labels=inputs[features.USER_RATING], predictions=predicted)


def run_fn(fn_args: TrainerArgs) -> None:
    """Trains the joint model and writes the SavedModel; TFX calls it with the Trainer's arguments."""
    setup = TrainingSetup(fn_args)
    hyperparameters = JointHyperparameters.model_validate(setup.hyperparameters)
    model = train(setup, hyperparameters, fn_args.model_run_dir)
    retrieval.write_embeddings(model.retrieval, setup, fn_args.model_run_dir)
    ranking.write_cross_weights(model.ranking, fn_args.model_run_dir)
    known = read_user_states(setup.examples(fn_args.train_files + fn_args.eval_files), setup.catalogue)
    with tempfile.TemporaryDirectory() as assets:
        for name in ("retrieval", "ranking"):
            os.mkdir(os.path.join(assets, name))
        finds, indexes = retrieval.make_serving(
            model.retrieval, setup, hyperparameters, known, os.path.join(assets, "retrieval")
        )
        rates = ranking.make_serving(model, setup, known, os.path.join(assets, "ranking"))
        serving = tf.Module()
        serving.parts = [finds, rates]
        signatures = joint_signatures(finds.signatures(), rates.signatures())
        tf.saved_model.save(serving, fn_args.serving_model_dir, signatures=signatures)
    retrieval.write_indexes(indexes, fn_args.model_run_dir)


def train(setup: TrainingSetup, hyperparameters: JointHyperparameters, model_run_dir: str) -> JointModel:
    """Fits a model and leaves what `fit` leaves in `model_run_dir`."""
    ratings = setup.training_states.ratings
    model = JointModel(
        retrieval.new_model(setup, hyperparameters),
        ranking.new_model(setup, hyperparameters),
        hyperparameters,
        scale_width=float(ratings.max() - ratings.min()) or 1.0,
    )
    model.compile(optimizer=tf.keras.optimizers.Adam(hyperparameters.learning_rate))
    read = {
        *retrieval.QUERY_FEATURES,
        *retrieval.CANDIDATE_FEATURES,
        *ranking.INPUT_FEATURES,
        features.USER_RATING,
    }
    fit(
        model,
        *setup.batches(read, hyperparameters),
        hyperparameters,
        monitor=MONITOR,
        mode=MODE,
        model_run_dir=model_run_dir,
    )
    return model


def joint_signatures(finds: Signatures, rates: Signatures) -> Signatures:
    """The signatures of both under one roof.

    `serving_default` is that of retrieval, and that of ranking becomes `rank_examples`. What the Evaluator
    asks answers with the outputs of both. Every other signature has a name of its own.
    """
    both = {name: _answering_both(finds[name], rates[name]) for name in _EVALUATED if name in finds}
    renamed = {
        features.RANK_EXAMPLES if name == features.SERVING_DEFAULT else name: function
        for name, function in rates.items()
    }
    return {**renamed, **finds, **both}


_EVALUATED: Final = (features.EVALUATE, features.EVALUATE_BASELINE)


def _answering_both(finds: Callable[..., Outputs], rates: Callable[..., Outputs]) -> Callable[..., Outputs]:
    def answer(examples: tf.Tensor) -> Outputs:
        asked = {features.EXAMPLES: examples}
        return {**finds(**asked), **rates(**asked)}

    examples = tf.TensorSpec([None], tf.string, name=features.EXAMPLES)
    return tf.function(answer, input_signature=[examples], autograph=False).get_concrete_function()
