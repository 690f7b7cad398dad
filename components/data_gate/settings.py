"""The thresholds of the data gate and what was reviewed; free of TFX and TensorFlow."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class AllowedAnomaly(BaseModel):
    """An anomaly that somebody has looked at and lets pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feature: str = Field(min_length=1, description="Name in the schema; both tables are meant.")
    anomaly: str = Field(
        pattern=r"^[A-Z][A-Z_]+$",
        description="Its type in tensorflow_metadata, for example ENUM_TYPE_UNEXPECTED_STRING_VALUES.",
    )
    reason: str = Field(min_length=1, description="Why it is harmless; it goes into the record.")


class DataGateSettings(BaseModel):
    """What data has to keep to before anything is fitted on it.

    The thresholds of drift and skew of single features are in the curated schemas. On ML-latest-small, a
    temporal split has 20.7 % of its eval ratings on cold movies, the most of all data sets and split rules.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    series: str | None = Field(
        None,
        min_length=1,
        description="Runs of one series and one split rule are compared; by default a series is one "
        "content of the data files.",
    )
    anomaly_severity: Literal["error", "warning"] = Field(
        "error", description="The least severity of an anomaly that stops the run."
    )
    allow: tuple[AllowedAnomaly, ...] = ()
    max_missing_share: float = Field(
        0.1, ge=0, le=1, description="Share of Examples that may lack a feature that the data set has."
    )
    max_timestamp_shift_days: float = Field(
        366, ge=0, description="How far oldest, median and newest rating may move between accepted runs."
    )
    min_ratings: int = Field(1_000, ge=0)
    min_users: int = Field(20, ge=0)
    min_movies: int = Field(20, ge=0)
    max_volume_drop: float = Field(
        0.2, ge=0, le=1, description="Share of the last accepted run's rows, users or movies that may go."
    )
    max_volume_growth: float = Field(1.0, ge=0, description="The same for what may come.")
    max_cold_share: float = Field(
        0.3, ge=0, le=1, description="Share of the eval ratings on movies that no training rating is of."
    )
