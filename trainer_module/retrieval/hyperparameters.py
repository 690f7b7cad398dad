"""Hyperparameters of the retrieval model; free of TensorFlow."""

from typing import Literal

from pydantic import Field

from contracts.signatures import MAX_ROWS, MAX_SLOTS
from trainer_module.common.hyperparameters import FitHyperparameters


class RetrievalHyperparameters(FitHyperparameters):
    """Two-tower retrieval: which examples, which loss, and what the towers read."""

    epochs: int = Field(5, ge=1, description="Upper limit; early stopping may end the fit before it.")
    embedding_dim: int = Field(64, ge=1, description="Width of both towers' output.")
    examples: Literal["next", "held_out"] = Field(
        "next",
        description="What is predicted: each rating from what its user had rated before (a step takes "
        "`batch_size` ratings), or a random part of a user's movies from the others (`batch_size` users).",
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
        description="Period of a known user's query: the last one, or that of the latest rating.",
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
        True, description="After the fit, fit anew for as many epochs on the whole train split."
    )
    top_k: int = Field(
        100,
        ge=1,
        le=MAX_SLOTS // MAX_ROWS,
        description="Length of the list that `serving_default` returns; `recommend` takes any `k`.",
    )
    exclude_rated: bool = Field(
        True, description="Keep each user's rated movies in the model to leave them out of the answers."
    )
    index: Literal["auto", "brute_force", "partitioned"] = Field(
        "auto", description="How the catalogue is searched; `auto` partitions 50,000 movies or more."
    )
    index_recall: float = Field(
        0.95, gt=0, le=1, description="Share of brute force's list that partitions have to find."
    )
