"""The sections of the configuration that belong to the pipeline itself; free of TFX and TensorFlow."""

from __future__ import annotations

import difflib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from contracts.features import SLICED_BY
from pipeline import beam_runners

ServedVersion = Annotated[str, Field(pattern=r"^(retrieval|ranking|recommender|joint)/[1-9]\d*$")]


class ConfigSection(BaseModel):
    """A part of the configuration: frozen, and an unknown key is an error instead of a shrug."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SampleConfig(ConfigSection):
    """Size of the embedded synthetic sample, which stands in when no real data is named."""

    ratings: int = Field(50_000, ge=10_000, le=100_000_000)
    seed: int = 42


class EvaluationConfig(ConfigSection):
    """The thresholds that a model has to clear before it is pushed, and where it is looked at."""

    max_rmse: float = Field(1.1, gt=0, description="Ranking: root mean squared error in stars.")
    max_mae: float = Field(0.9, gt=0, description="Ranking: mean absolute error in stars.")
    min_recall_at_10: float = Field(0.02, ge=0, le=1)
    min_recall_at_100: float = Field(0.1, ge=0, le=1)
    beat_reference: bool = Field(
        True, description="Ranking must beat the bias model and retrieval must beat popularity."
    )
    beat_retrieval_order: bool = Field(
        True,
        description="In recall@10 of liked movies and in graded NDCG@10, the final list must not be behind "
        "the order of retrieval with 95 % confidence.",
    )
    max_recall_at_10_behind_retrieval: float = Field(
        0.01, ge=0, le=1, description="The same for recall@10, by more than this."
    )
    min_coverage_at_10: float = Field(
        0.01, ge=0, le=1, description="Retrieval: share of the catalogue that is in somebody's first ten."
    )
    min_personalization_at_10: float = Field(
        0.1, ge=0, le=1, description="Retrieval: mean share of a user's first ten that another's lack."
    )
    max_short_lists: float = Field(
        0.01, ge=0, le=1, description="Retrieval: share of users who get fewer than ten movies."
    )
    max_rmse_rise: float = Field(
        0.025, ge=0, description="Ranking: stars by which the served version may be better."
    )
    max_recall_at_10_fall: float = Field(
        0.02, ge=0, le=1, description="Retrieval: recall by which the served version may be better."
    )
    max_slice_rmse_rise: float = Field(
        0.05, ge=0, description="In a slice, and for certain: as `max_rmse_rise`, also behind the biases."
    )
    max_slice_recall_at_10_fall: float = Field(
        0.02, ge=0, le=1, description="The same for retrieval, also behind popularity."
    )
    min_slice_users: int = Field(
        50, ge=2, description="A slice of fewer users is shown and blocks nothing by itself."
    )
    replace_unreadable: tuple[
        Annotated[str, Field(pattern=r"^(retrieval|ranking|recommender|joint)/[1-9]\d*$")], ...
    ] = Field(
        (),
        description="Served versions that can no longer read today's Examples and may be replaced without a "
        "comparison, for example `retrieval/1764098765`.",
    )
    slices: tuple[str, ...] = Field(
        ("user_gender", "bucketized_user_age", "user_occupation_text"),
        description="Features to slice by; one that the data set lacks is left out.",
    )

    @field_validator("slices")
    @classmethod
    def _are_features(cls, slices: tuple[str, ...]) -> tuple[str, ...]:
        for name in slices:
            if name not in SLICED_BY:
                close = difflib.get_close_matches(name, SLICED_BY, n=1)
                hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(SLICED_BY)}"
                raise ValueError(f"evaluation.slices names {name}, which is not a feature; {hint}")
        return slices


class TuningConfig(ConfigSection):
    """The search for better hyperparameters on validation examples cut from the train split."""

    models: tuple[Literal["retrieval", "ranking", "joint"], ...] = Field(
        (), description="`--tune` names them."
    )
    trials: int = Field(20, ge=1, description="Fits per model.")


class PushConfig(ConfigSection):
    """Which versions stay below `serving/<model>/`."""

    keep_versions: int = Field(5, ge=1, description="The newest versions, the one just pushed included.")
    pinned_versions: tuple[int, ...] = Field(
        (), description="Versions that stay whatever their age, because a server's configuration names them."
    )


class ExportConfig(ConfigSection):
    """Where a local run is sent when it has ended; what goes wrong there does not fail the run."""

    mlflow_uri: str | None = Field(
        None,
        min_length=1,
        description="Tracking address of MLflow for settings and metrics, for example http://mlflow:5000.",
    )
    webhook: SecretStr | None = Field(
        None,
        description="Address that gets one POST a run with verdict, metrics and links as JSON; a secret.",
    )

    @field_validator("webhook")
    @classmethod
    def _is_an_address(cls, webhook: SecretStr | None) -> SecretStr | None:
        if webhook and not webhook.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("export.webhook is not an address that begins with http:// or https://")
        return webhook


class BeamConfig(ConfigSection):
    """Where the data-parallel nodes run."""

    runner: beam_runners.RunnerName = "local"
    args: tuple[str, ...] = Field((), description="Beam flags, for example `--region=europe-west4`.")

    @model_validator(mode="after")
    def _complete(self) -> BeamConfig:
        self.pipeline_args()
        return self

    def pipeline_args(self) -> list[str]:
        """The flags for TFX's `beam_pipeline_args`."""
        return beam_runners.beam_pipeline_args(self.runner, self.args)


class KubeflowConfig(ConfigSection):
    """What only the compiled Kubeflow pipeline needs."""

    image: str | None = Field(None, pattern=r"^\S+$", description="Container image that holds this project.")
    root: str | None = Field(
        None, description="Storage that every node reaches, for example gs://bucket/movielens."
    )
    name: str = Field("movielens", pattern=r"^[a-z0-9][a-z0-9-]*$")
