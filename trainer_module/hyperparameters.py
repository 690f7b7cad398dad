"""Hyperparameters of the models: validated, frozen, and free of TensorFlow so that `--help` stays quick."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class FitHyperparameters(BaseModel):
    """What every fit shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(20, ge=1, description="Upper limit; early stopping usually ends the fit before it.")
    batch_size: int = Field(1024, ge=2)
    learning_rate: float = Field(2e-3, gt=0, description="Of Adam.")
    learning_rate_decay: Literal["none", "cosine"] = Field(
        "none",
        description="`cosine` lowers the rate from epoch to epoch, along half a period over all `epochs`.",
    )
    embedding_dim: int = Field(32, ge=1, description="Width of every embedding and of both towers' output.")
    dropout: float = Field(0.2, ge=0, lt=1)
    unknown_id_share: float = Field(
        0.05, ge=0, lt=1, description="Share of training ids replaced by 'unknown', which trains that row."
    )
    validation_share: float = Field(
        0.05, gt=0, lt=1, description="Share of the train split held out for early stopping."
    )
    patience: int = Field(2, ge=1, description="Epochs without improvement before the fit stops.")


class RetrievalHyperparameters(FitHyperparameters):
    """Two-tower retrieval: which examples, which loss, and what the towers read."""

    epochs: int = Field(5, ge=1, description="Upper limit; early stopping may end the fit before it.")
    embedding_dim: int = Field(64, ge=1, description="Width of both towers' output.")
    examples: Literal["next", "held_out"] = Field(
        "next",
        description="What is predicted: each rating from what its user had rated before (a step takes "
        "`batch_size` ratings), or a random part of a user's movies from the others (`batch_size` users).",
    )
    held_out_share: float = Field(
        0.5, gt=0, lt=1, description="Share of a user's movies that `held_out` examples predict."
    )
    loss: Literal["auto", "sampled_softmax", "full_softmax", "weighted_squared"] = Field(
        "auto",
        description="Against which movies: those of the batch with a correction for how often they come "
        "(Yi et al. 2019), or the whole catalogue. `auto` takes the whole one up to 20,000 movies.",
    )
    unobserved_weight: float = Field(
        0.1, gt=0, le=1, description="For `weighted_squared`: weight of a movie that the user has not rated."
    )
    given_weight: float = Field(
        0.0,
        ge=0,
        le=1,
        description="For `weighted_squared`: weight of a movie that the query has read, whose score is drawn "
        "to 1 as that of a movie to be found is; 0 leaves it out.",
    )
    hard_negatives: int | None = Field(
        None,
        ge=1,
        description="For a softmax: keep only so many negatives of each row, the best-scored ones.",
    )
    history_limit: int = Field(
        100, ge=1, description="Most recent movies that the bag of everything a user has rated reads."
    )
    sequence_length: int = Field(
        10, ge=0, description="Latest movies that the causal convolution reads; 0 leaves it out."
    )
    towers: int = Field(
        1, ge=1, description="Pairs of towers that are trained side by side; their scores are averaged."
    )
    periods: int = Field(
        16, ge=1, description="Stretches of time with as many ratings each; every one has an embedding."
    )
    as_of: Literal["now", "last_rating"] = Field(
        "last_rating",
        description="The period that a known user is asked for: the last one, or that of the latest rating.",
    )
    recent_weights: tuple[float, ...] = Field(
        (0.0,),
        min_length=1,
        description="What may be added to each query's learned weight of recent popularity after the fit; "
        "validation chooses.",
    )
    l2: float = Field(1e-5, ge=0, description="L2 penalty on the other embeddings.")
    user_l2: float = Field(1e-4, ge=0, description="L2 penalty on the embeddings of user ids.")
    history_l2: float = Field(
        1e-5, ge=0, description="L2 penalty on the embeddings that the bag of the history sums."
    )
    validation: Literal["random", "last", "latest"] = Field(
        "last",
        description="Which ratings of the train split are held out: a random share, each user's last one "
        "(of as many users as the share allows), or the latest share of all.",
    )
    refit: bool = Field(
        False, description="After the fit, fit anew for as many epochs on the whole train split."
    )
    top_k: int = Field(100, ge=1, description="Length of the list that `serving_default` returns.")
    exclude_rated: bool = Field(
        True, description="Keep each user's rated movies in the model to leave them out of the answers."
    )
    index: Literal["auto", "brute_force", "partitioned"] = Field(
        "auto", description="How the catalogue is searched; `auto` partitions 50,000 movies or more."
    )
    index_recall: float = Field(
        0.95, gt=0, le=1, description="Share of brute force's list that partitions have to find."
    )


class RankingHyperparameters(FitHyperparameters):
    """DCN-V2 ranking (Wang et al. 2021, https://arxiv.org/abs/2008.13535), or SVD++ with DCN-V2 on top."""

    structure: Literal["stacked", "parallel", "low_rank", "dnn", "svdpp"] = Field(
        "stacked",
        description="How cross layers and deep layers are put together over the embeddings of an example; "
        "`svdpp` adds factors with all ratings of the user and of the movie, and sessions.",
    )
    cross_layers: int = Field(1, ge=1)
    projection_dim: int | None = Field(
        None, ge=1, description="Rank of the cross weights for `low_rank`; a quarter of the input if unset."
    )
    hidden_units: tuple[int, ...] = Field((64,), description="Widths of the deep layers.")
    l2: float = Field(1e-6, ge=0, description="L2 penalty on embeddings, but for `svdpp`.")
    l2_factors: float = Field(
        0.1, ge=0, description="For `svdpp`: L2 penalty on the factors of each rating's user and movie."
    )
    l2_history: float = Field(
        0.03, ge=0, description="For `svdpp`: the same for the sums over rated movies, raters and content."
    )
    l2_biases: float = Field(0.005, ge=0, description="For `svdpp`: the same for the biases.")
    history_limit: int = Field(
        1000, ge=1, description="For `svdpp`: latest ratings that are read of a user, and of a movie."
    )
    session_window: int = Field(
        128, ge=2, description="For `svdpp`: how many of a user's ratings of about the same time are read."
    )
    refit: bool = Field(
        False, description="After the fit, fit anew for as many epochs on the whole train split."
    )
    ensemble_seeds: int = Field(
        1, ge=1, description="Models from as many seeds, whose mean the SavedModel predicts."
    )


class JointHyperparameters(RetrievalHyperparameters, RankingHyperparameters):
    """Retrieval and ranking as one model: the settings of both, and how much the loss of each counts.

    What both have is shared. 0 leaves a task untrained, which makes a specialist of the model.
    """

    epochs: int = Field(20, ge=1, description="Upper limit; early stopping usually ends the fit before it.")
    retrieval_weight: float = Field(1.0, ge=0, description="Of the retrieval loss.")
    ranking_weight: float = Field(1.0, ge=0, description="Of the squared error of the ratings.")
    validation: Literal["random"] = Field(
        "random", description="The share of the ratings that both tasks hold out."
    )
    recent_weights: tuple[Literal[0]] = Field((0,), description="Not for a joint model.")
    refit: Literal[False] = Field(False, description="Not for a joint model.")
    ensemble_seeds: Literal[1] = Field(1, description="Not for a joint model.")

    @model_validator(mode="after")
    def _some_task(self) -> "JointHyperparameters":
        if not self.retrieval_weight and not self.ranking_weight:
            raise ValueError("retrieval_weight and ranking_weight are both 0: one of them has to count")
        return self


def tuned_values(hyperparameters: Mapping[str, Any] | None) -> dict[str, object]:
    """The values in a configuration of KerasTuner's HyperParameters; none without one.

    KerasTuner's values are scalars, so a search over lists writes them as JSON texts such as "[64, 32]".
    """
    values: Mapping[str, Any] = hyperparameters["values"] if hyperparameters else {}
    return {
        name: json.loads(value) if isinstance(value, str) and value.startswith("[") else value
        for name, value in values.items()
    }
