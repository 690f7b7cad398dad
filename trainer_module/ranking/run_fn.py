"""The DCN-V2 ranking model and the `run_fn` that trains and exports a ranking model."""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from contracts import artifacts, features
from trainer_module.common.embeddings import HistoryBag, TitleWords, UnknownIds, VocabularySizes
from trainer_module.common.inputs import TrainerArgs
from trainer_module.common.serving_tables import MovieTable, UserTable
from trainer_module.common.training_setup import TrainingSetup
from trainer_module.common.user_states import UserStates
from trainer_module.ranking.biases import damped_biases
from trainer_module.ranking.fit import SeedAverage, fit_members
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.ranking.interactions import DeepAndCross
from trainer_module.ranking.rating_lists import RatingLists
from trainer_module.ranking.rating_model import USER_SIDE, RatingModel, per_pair
from trainer_module.ranking.rating_sets import RatingSets
from trainer_module.ranking.signatures import RankingServing
from trainer_module.ranking.svdpp import INPUT_FEATURES as SVDPP_FEATURES
from trainer_module.ranking.svdpp import SvdppModel

MODE: Final = "min"
ID_FEATURES = (features.USER_INDEX, features.MOVIE_INDEX)
CATEGORIES = (
    features.AGE_BUCKET_INDEX,
    features.GENDER_INDEX,
    features.OCCUPATION_INDEX,
    features.ZIP_AREA_INDEX,
    features.HOUR_INDEX,
    features.WEEKDAY_INDEX,
    features.RELEASE_DECADE_INDEX,
)
NUMBERS = (features.AGE_NORMALIZED, features.RELEASE_YEAR_NORMALIZED)
# In the order of x0.
INPUT_FEATURES = (
    *ID_FEATURES,
    *CATEGORIES,
    *NUMBERS,
    features.GENRES_MULTI_HOT,
    features.TITLE_WORD_INDEX,
    features.HISTORY_MOVIE_INDEX,
    features.HISTORY_RATING_CENTRED,
)


class RankingModel(RatingModel):
    """Embeddings of all features into DCN-V2, on top of a user and a movie bias.

    Args:
      sizes: rows of each embedding.
      hyperparameters: widths, structure and rates.
      mean_rating: of training, the prediction's starting point.
    """

    def __init__(
        self, sizes: VocabularySizes, hyperparameters: RankingHyperparameters, mean_rating: float
    ) -> None:
        super().__init__()
        dim, l2 = hyperparameters.embedding_dim, hyperparameters.l2
        self._dim = dim
        self._unknown = UnknownIds(hyperparameters.unknown_id_share)
        self._embeddings = {name: sizes.embedding(name, dim, l2) for name in (*ID_FEATURES, *CATEGORIES)}
        self._biases = {name: sizes.embedding(name, 1, l2) for name in ID_FEATURES}
        self._words = TitleWords(sizes, dim, l2)
        self._genres = tf.keras.layers.Dense(dim, use_bias=False)
        self._history = HistoryBag(sizes, dim, hyperparameters.dropout)
        self._history_ratings = HistoryBag(sizes, dim, hyperparameters.dropout)
        self._interactions = DeepAndCross(hyperparameters)
        self._head = tf.keras.layers.Dense(
            1, bias_initializer=tf.keras.initializers.Constant(mean_rating), name="rating"
        )

    def call(
        self,
        inputs: Mapping[str, tf.Tensor],
        training: bool = False,
        *,
        user_of_pair: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Transformed features of B (user, movie) pairs to ratings [B], not clipped; see `RatingModel`."""
        ids = {name: self._unknown(inputs[name], training=training) for name in ID_FEATURES}
        history = inputs[features.HISTORY_MOVIE_INDEX]
        ratings = inputs[features.HISTORY_RATING_CENTRED]
        parts = {
            **{name: self._embeddings[name](ids[name]) for name in ID_FEATURES},
            **{name: self._embeddings[name](inputs[name]) for name in CATEGORIES},
            **{name: inputs[name][:, tf.newaxis] for name in NUMBERS},
            features.GENRES_MULTI_HOT: self._genres(inputs[features.GENRES_MULTI_HOT]),
            features.TITLE_WORD_INDEX: self._words(inputs[features.TITLE_WORD_INDEX]),
            features.HISTORY_MOVIE_INDEX: self._history(history, training=training),
            features.HISTORY_RATING_CENTRED: self._history_ratings(
                history, weights=ratings, training=training
            ),
        }
        biases = {name: self._biases[name](ids[name]) for name in ID_FEATURES}
        for part in (parts, biases):
            part |= {name: per_pair(part[name], user_of_pair) for name in part if name in USER_SIDE}
        x0 = tf.concat([parts[name] for name in INPUT_FEATURES], axis=1)
        outputs = self._head(self._interactions(x0, training=training))
        biases = tf.add_n(list(biases.values()))
        return tf.squeeze(outputs + biases, axis=1)

    def cross_weights(self) -> dict[str, object]:
        """The features of x0 and, for each cross layer, the weight of each pair; see `block_norms`."""
        widths = [1 if name in NUMBERS else self._dim for name in INPUT_FEATURES]
        return {
            "features": INPUT_FEATURES,
            "layers": [norms.tolist() for norms in self._interactions.block_norms(widths)],
        }


def run_fn(fn_args: TrainerArgs) -> None:
    """Trains the ranking model and writes the SavedModel; TFX calls it with the Trainer's arguments."""
    setup = TrainingSetup(fn_args)
    hyperparameters = RankingHyperparameters.model_validate(setup.hyperparameters)
    with tempfile.TemporaryDirectory() as assets:
        family = RankingFamily(setup, hyperparameters, assets)
        fitted = fit_members(family.build, setup, hyperparameters, family.names, fn_args.model_run_dir)
        model = SeedAverage(fitted.members)
        write_cross_weights(model, fn_args.model_run_dir)
        if setup.list_validation is not None:
            kept = setup.training_states.where(~setup.list_validation)
            before_refit = SeedAverage([fitted.before_refit])
            write_validation_ranking(before_refit, family, kept, assets, fn_args.model_run_dir)
        serving = make_serving(model, family, assets)
        tf.saved_model.save(serving, fn_args.serving_model_dir, signatures=serving.signatures())


def train(setup: TrainingSetup, hyperparameters: RankingHyperparameters, model_run_dir: str) -> SeedAverage:
    """Fits a model and leaves what `fit` leaves in `model_run_dir`."""
    with tempfile.TemporaryDirectory() as assets:
        family = RankingFamily(setup, hyperparameters, assets)
        fitted = fit_members(family.build, setup, hyperparameters, family.names, model_run_dir)
        return SeedAverage(fitted.members)


class RankingFamily:
    """Ranking models of one structure over one data set, which differ in their seed alone.

    Args:
      setup: the Trainer's arguments, opened.
      hyperparameters: of the models.
      assets: a folder for files that a SavedModel carries, until it is saved.

    Attributes:
      build: makes a new model from the current seed.
      names: what a model reads of an example.
      rated: the ratings of training, for a structure that reads them.
    """

    def __init__(self, setup: TrainingSetup, hyperparameters: RankingHyperparameters, assets: str) -> None:
        self.setup = setup
        self.rated: RatingSets | None = None
        self.names: tuple[str, ...] = INPUT_FEATURES
        self.build: Callable[[], RatingModel]
        self._hyperparameters = hyperparameters
        self._assets = assets
        states = setup.training_states
        sizes = VocabularySizes.of(setup.transform_output)
        if hyperparameters.structure == "svdpp":
            self.rated = self.rating_sets(states, "training")
            self.names = SVDPP_FEATURES
            biases = _first_biases(states, len(setup.catalogue), sizes)
            self.build = partial(SvdppModel, sizes, hyperparameters, states.mean_rating, self.rated, biases)
        else:
            self.build = partial(RankingModel, sizes, hyperparameters, states.mean_rating)

    def rating_sets(self, states: UserStates, name: str) -> RatingSets:
        """What a model of such a structure reads of all ratings in `states`."""
        return RatingSets(
            states,
            self.setup.catalogue,
            mean_rating=self.setup.training_states.mean_rating,
            limit=self._hyperparameters.history_limit,
            assets=self._assets,
            name=name,
        )


def write_cross_weights(model: SeedAverage | RatingModel, model_run_dir: str) -> None:
    """Leaves how strongly the parts of x0 are crossed."""
    with tf.io.gfile.GFile(os.path.join(model_run_dir, artifacts.CROSS_WEIGHTS_FILE), "w") as file:
        file.write(json.dumps(model.cross_weights()))


def _first_biases(
    states: UserStates, movies: int, sizes: VocabularySizes
) -> dict[str, npt.NDArray[np.float32]]:
    """The damped biases by vocabulary index, 0 for the unknown one, where those of a model start."""
    _, user_bias, movie_bias = damped_biases(
        states.users, states.positions, states.ratings, (len(states.ids), movies)
    )
    found = {name: np.zeros(sizes.sizes[name], np.float32) for name in ID_FEATURES}
    found[features.USER_INDEX][states.profile[features.USER_INDEX]] = user_bias
    found[features.MOVIE_INDEX][states.movie_index] = movie_bias[states.positions]
    for biases in found.values():
        biases[0] = 0
    return found


def write_validation_ranking(
    model: SeedAverage | tf.keras.Model,
    family: RankingFamily,
    kept: UserStates,
    assets: str,
    model_run_dir: str,
) -> None:
    """Writes a SavedModel whose `rate` answers as of what was known without the ratings held out.

    Args:
      model: as of `RankingServing`, not trained on the ratings held out.
      family: what it is a member of.
      kept: the ratings of training without them.
      assets: a folder for files that the SavedModel carries, until it is saved.
      model_run_dir: the folder to write to.
    """
    predict = model.__call__
    if family.rated:
        predict = partial(model.__call__, sets=family.rating_sets(kept, "kept"))
    users = user_table(family.setup, kept, os.path.join(assets, "kept_users.txt"))
    movies = MovieTable(family.setup.catalogue, os.path.join(assets, "kept_movies.txt"))
    module = RatingLists(predict, model.variables, users, movies, _scale(family.setup.training_states))
    tf.saved_model.save(module, os.path.join(model_run_dir, artifacts.VALIDATION_RANKING))


def user_table(setup: TrainingSetup, states: UserStates, asset_file: str) -> UserTable:
    """The users of some states as the ranking model reads them."""
    return UserTable(
        states,
        history_length=setup.history_length,
        keep_rated=False,
        mean_rating=setup.training_states.mean_rating,
        asset_file=asset_file,
    )


def _scale(states: UserStates) -> tuple[float, float]:
    return float(states.ratings.min()), float(states.ratings.max())


def make_serving(model: SeedAverage | tf.keras.Model, family: RankingFamily, assets: str) -> RankingServing:
    """What the SavedModel answers.

    Args:
      model: trained; as of `RankingServing`.
      family: what it is a member of.
      assets: a folder for files that the SavedModel carries, until it is saved.
    """
    setup = family.setup
    states, known = setup.training_states, setup.known_states
    sets = (family.rated, family.rating_sets(known, "known")) if family.rated else None
    users, training_users = (
        user_table(setup, of, os.path.join(assets, filename))
        for of, filename in ((known, "users.txt"), (states, "training_users.txt"))
    )
    return RankingServing(
        model,
        setup.transform_output,
        history_length=setup.history_length,
        users=users,
        movies=MovieTable(setup.catalogue, os.path.join(assets, "movies.txt")),
        scale=_scale(states),
        training_users=training_users,
        biases=damped_biases(
            states.users, states.positions, states.ratings, (len(states.ids), len(setup.catalogue))
        ),
        rating_sets=sets,
    )
