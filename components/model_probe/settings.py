"""The thresholds of the model probe; free of TFX and TensorFlow."""

from pydantic import BaseModel, ConfigDict, Field


class ModelProbeSettings(BaseModel):
    """What a model has to keep to in the process that it is probed in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_latency_ms: float = Field(
        100, gt=0, description="Median of warm requests for one user, for each signature that clients call."
    )
    max_memory_mb: float = Field(
        4096, gt=0, description="Growth of the process from before it loads the model to its peak, in MiB."
    )
    timeout_seconds: float = Field(
        60, gt=0, description="For loading the model, and for each answer; then the process is ended."
    )
