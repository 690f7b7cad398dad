"""Retrieval and ranking as one multi-task model, and the `run_fn` that trains and exports it."""

import os
import tempfile
from collections.abc import Callable, Mapping
from typing import Final

import tensorflow as tf
import tensorflow_recommenders as tfrs

from contracts import features
from contracts import signatures as signature_names
from trainer_module.common.fitting import fit
from trainer_module.common.inputs import TrainerArgs
from trainer_module.common.mean_loss import MeanLossModel
from trainer_module.common.training_setup import TrainingSetup
from trainer_module.joint.batches import RANKING, RETRIEVAL, held_out_with_ratings, side_by_side
from trainer_module.joint.hyperparameters import JointHyperparameters, JointWeights
from trainer_module.ranking import run_fn as ranking
from trainer_module.ranking.rating_model import RatingModel, per_pair
from trainer_module.ranking.rating_sets import RatingSets
from trainer_module.retrieval import run_fn as retrieval
from trainer_module.retrieval.model import MONITOR as RETRIEVAL_MONITOR
from trainer_module.retrieval.model import RetrievalModel
from trainer_module.retrieval.towers import QUERY_FEATURES
from trainer_module.retrieval.validation_lists import write_validation_lists

MONITOR = "val_joint_error"
MODE: Final = "min"
# What the towers read of an example of the ranking model, beside what that one reads.
TOWER_FEATURES: Final = (
    *(name for name in QUERY_FEATURES if name != features.PERIOD_INDEX),
    *features.TRANSFORMED_MOVIE_FEATURES,
)

Outputs = dict[str, tf.Tensor]
Signatures = dict[str, Callable[..., Outputs]]


class JointModel(MeanLossModel):
    """A retrieval model and a ranking model on the same towers, trained together.

    The rating is that of the ranking model and sum_d w_d q_d c_d, a weighted inner product of the query q
    and the candidate c of the retrieval model's towers (generalized matrix factorization, He et al. 2017,
    equation 9), so both losses train the towers. The loss is the weighted sum of both (Caruana 1997).

    Args:
      retrieval_model: whose towers both tasks read.
      ranking_model: the rest of the rating.
      weights: of the losses.
      scale_width: stars from the lowest to the highest rating.
    """

    def __init__(
        self,
        retrieval_model: RetrievalModel,
        ranking_model: RatingModel,
        weights: JointWeights,
        scale_width: float,
    ) -> None:
        super().__init__()
        self.retrieval = retrieval_model
        self.ranking = ranking_model
        self._retrieval_weight = weights.retrieval_weight
        self._ranking_weight = weights.ranking_weight
        self._scale_width = scale_width
        # Nothing at first, so that ratings do not pull at towers that still mean nothing.
        self._match = tf.keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="match")
        self._rmse = tf.keras.metrics.RootMeanSquaredError(name="rmse")
        self._task = tfrs.tasks.Ranking(loss=tf.keras.losses.MeanSquaredError(), metrics=[self._rmse])

    def call(
        self,
        inputs: Mapping[str, tf.Tensor],
        training: bool = False,
        *,
        user_of_pair: tf.Tensor | None = None,
        sets: RatingSets | None = None,
    ) -> tf.Tensor:
        """Transformed features of B (user, movie) pairs to ratings [B], not clipped.

        Args:
          inputs: what the ranking model reads and `TOWER_FEATURES`. The towers are called as of now, with the
            history as far as the example holds it.
          training: whether this is a step of the fit.
          user_of_pair: see `RatingModel`.
          sets: for a ranking model that reads them.
        """
        more = {} if sets is None else {"sets": sets}
        rating = self.ranking(inputs, training=training, user_of_pair=user_of_pair, **more)
        products = self._products(inputs, training, user_of_pair)
        return rating + tf.squeeze(self._match(products), axis=1)

    def _products(
        self, inputs: Mapping[str, tf.Tensor], training: bool, user_of_pair: tf.Tensor | None
    ) -> tf.Tensor:
        """Query times candidate, element by element, of every pair of towers, side by side."""
        movies, users = inputs[features.MOVIE_INDEX], inputs[features.USER_INDEX]
        query = {name: inputs[name] for name in QUERY_FEATURES if name != features.PERIOD_INDEX}
        query[features.PERIOD_INDEX] = tf.zeros_like(users)
        candidate = {name: inputs[name] for name in features.TRANSFORMED_MOVIE_FEATURES}
        candidate[features.MOVIE_POPULARITY] = self.retrieval.popularity(movies)
        towers = self.retrieval.query_tower.towers, self.retrieval.candidate_tower.towers
        return tf.concat(
            [
                per_pair(of_query(query, training=training), user_of_pair)
                * of_candidate(candidate, training=training)
                for of_query, of_candidate in zip(*towers, strict=True)
            ],
            axis=1,
        )

    def compute_loss(
        self, inputs: Mapping[str, Mapping[str, tf.Tensor]], training: bool = False
    ) -> tf.Tensor:
        """Weighted sum of the retrieval loss and the mean squared error of a batch of each."""
        loss = tf.zeros([])
        if self._retrieval_weight:
            loss += self._retrieval_weight * self.retrieval.compute_loss(inputs[RETRIEVAL], training=training)
        if self._ranking_weight:
            rated = inputs[RANKING]
            predicted = self(rated, training=training)
            loss += self._ranking_weight * self._task(
                labels=rated[features.USER_RATING], predictions=predicted
            )
        return loss

    def train_step(self, inputs: Mapping[str, Mapping[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
        """One step; returns the epoch's mean loss so far and, where ratings count, their error."""
        super().train_step(inputs)
        logs = {"loss": self._mean_loss.result()}
        return {**logs, self._rmse.name: self._rmse.result()} if self._ranking_weight else logs

    def test_step(self, inputs: Mapping[str, Mapping[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
        """The retrieval model's metrics, the error of the ratings, and one metric of both.

        That one, `joint_error`, is the mean of what NDCG lacks to 1 and of the RMSE as a share of the scale:
        both lie between 0 and 1, and either is all of it where the loss of the other does not count. How much
        the losses count does not matter, so that a search may try weights.
        """
        found = self.retrieval.test_step(inputs[RETRIEVAL])
        rated = inputs[RANKING]
        self._rmse.update_state(rated[features.USER_RATING], self(rated))
        rmse = self._rmse.result()
        errors = []
        if self._retrieval_weight:
            errors.append(1.0 - found[RETRIEVAL_MONITOR.removeprefix("val_")])
        if self._ranking_weight:
            errors.append(rmse / self._scale_width)
        error = tf.add_n(errors) / len(errors)
        return {**found, self._rmse.name: rmse, "joint_error": error}


def run_fn(fn_args: TrainerArgs) -> None:
    """Trains the joint model and writes the SavedModel; TFX calls it with the Trainer's arguments."""
    setup = TrainingSetup(fn_args)
    hyperparameters = JointHyperparameters.model_validate(setup.hyperparameters)
    with tempfile.TemporaryDirectory() as assets:
        folders = {name: os.path.join(assets, name) for name in (RETRIEVAL, RANKING)}
        for folder in folders.values():
            os.mkdir(folder)
        data = retrieval.RetrievalData(setup, hyperparameters.towers)
        family = ranking.RankingFamily(setup, hyperparameters.ranking, folders[RANKING])
        model = _fitted(data, family, hyperparameters, folders[RANKING], fn_args.model_run_dir)
        retrieval.write_embeddings(model.retrieval, data.states, setup.catalogue, fn_args.model_run_dir)
        ranking.write_cross_weights(model.ranking, fn_args.model_run_dir)
        finds, indexes = retrieval.make_serving(model.retrieval, data, folders[RETRIEVAL])
        rates = ranking.make_serving(model, family, folders[RANKING])
        serving = tf.Module()
        serving.parts = [finds, rates]
        # Where a composed model looks for them, as in the model that ranks alone.
        serving.known, serving.trained = rates.known, rates.trained
        signatures = joint_signatures(finds.signatures(), rates.signatures())
        tf.saved_model.save(serving, fn_args.serving_model_dir, signatures=signatures)
    retrieval.write_indexes(indexes, fn_args.model_run_dir)


def train(setup: TrainingSetup, hyperparameters: JointHyperparameters, model_run_dir: str) -> JointModel:
    """Fits a model and leaves what `fit` leaves in `model_run_dir`."""
    with tempfile.TemporaryDirectory() as assets:
        data = retrieval.RetrievalData(setup, hyperparameters.towers)
        family = ranking.RankingFamily(setup, hyperparameters.ranking, assets)
        return _fitted(data, family, hyperparameters, assets, model_run_dir)


def _fitted(
    data: retrieval.RetrievalData,
    family: ranking.RankingFamily,
    hyperparameters: JointHyperparameters,
    assets: str,
    model_run_dir: str,
) -> JointModel:
    setup = data.setup
    # Both tasks keep the same ratings for validation: what one learned would give the other's answer away.
    fit_settings = hyperparameters.ranking
    chosen = held_out_with_ratings(data.states, setup.catalogue, fit_settings, setup.seed)
    kept, *to_find = data.cut(chosen)
    read = {*family.names, *TOWER_FEATURES, features.USER_RATING}
    train, validation = side_by_side(to_find, setup.batches(read, fit_settings))
    ratings = data.states.ratings
    model = JointModel(
        data.new_model(kept),
        family.build(),
        hyperparameters,
        scale_width=float(ratings.max() - ratings.min()) or 1.0,
    )
    # Both parts have their weights from the start, also one that is not trained.
    first = next(iter(validation))
    model.retrieval.compute_loss(first[RETRIEVAL])
    model(first[RANKING])
    model.compile(optimizer=tf.keras.optimizers.Adam(fit_settings.learning_rate))
    fit(model, train, validation, fit_settings, monitor=MONITOR, mode=MODE, model_run_dir=model_run_dir)
    write_validation_lists(
        model.retrieval, data.states.where(chosen), data.examples(kept), setup, model_run_dir
    )
    ranking.write_validation_ranking(model, family, kept, assets, model_run_dir)
    return model


def joint_signatures(finds: Signatures, rates: Signatures) -> Signatures:
    """The signatures of both in one dictionary.

    `serving_default` is that of retrieval, and that of ranking becomes `rank_examples`. What the Evaluator
    calls answers with the outputs of both. Every other signature has a name of its own.
    """
    renamed = {
        signature_names.RANK_EXAMPLES if name == signature_names.SERVING_DEFAULT else name: function
        for name, function in rates.items()
    }
    evaluate = _answering_both(finds[signature_names.EVALUATE], rates[signature_names.EVALUATE])
    return {**renamed, **finds, signature_names.EVALUATE: evaluate}


def _answering_both(finds: Callable[..., Outputs], rates: Callable[..., Outputs]) -> Callable[..., Outputs]:
    def answer(examples: tf.Tensor) -> Outputs:
        serialized = {signature_names.EXAMPLES: examples}
        return {**finds(**serialized), **rates(**serialized)}

    examples = tf.TensorSpec([None], tf.string, name=signature_names.EXAMPLES)
    function: Callable[..., Outputs] = tf.function(
        answer, input_signature=[examples], autograph=False
    ).get_concrete_function()
    return function
