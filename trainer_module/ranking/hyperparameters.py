"""Hyperparameters of the ranking model; free of TensorFlow."""

from typing import Literal

from pydantic import Field

from trainer_module.common.hyperparameters import FitHyperparameters


class RankingHyperparameters(FitHyperparameters):
    """DCN-V2 ranking (Wang et al. 2021, https://arxiv.org/abs/2008.13535), or SVD++ with DCN-V2 on top."""

    structure: Literal["stacked", "parallel", "low_rank", "dnn", "svdpp"] = Field(
        "stacked",
        description="How cross layers and deep layers are put together over the embeddings of an example; "
        "`svdpp` adds factors with all ratings of the user and of the movie, and sessions.",
    )
    cross_layers: int = Field(1, ge=1, description="Number of cross layers.")
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
    refit: bool = Field(
        False, description="After the fit, fit anew for as many epochs on the whole train split."
    )
    ensemble_seeds: int = Field(
        1, ge=1, description="Models from as many seeds, whose mean the SavedModel predicts."
    )
