"""Every setting of the pipeline: one tree of validated, frozen models.

Nothing here imports TensorFlow or TFX, so an entry point can refuse a bad setting in well under a second.
`load_config` reads a preset, YAML and `a.b=c` overrides; `configs/default.yaml` shows every key with its
default.
"""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from components.data_gate.settings import DataGateSettings
from components.model_probe.settings import ModelProbeSettings
from components.movielens_example_gen.settings import ExampleGenSettings
from pipeline import beam_runners
from pipeline.setting_trees import ConfigError as ConfigError
from pipeline.setting_trees import merged, parse_override, put, read_preset, read_settings
from pipeline.setting_trees import preset_names as preset_names
from trainer_module.common.hyperparameters import FitHyperparameters
from trainer_module.joint.hyperparameters import JointHyperparameters
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters

RETRIEVAL = "retrieval"
RANKING = "ranking"
JOINT = "joint"
MODELS = (RETRIEVAL, RANKING, JOINT)


class Section(BaseModel):
    """A part of the configuration: frozen, and an unknown key is an error instead of a shrug."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SampleConfig(Section):
    """Size of the embedded synthetic sample, which stands in when no real data is named."""

    ratings: int = Field(50_000, ge=10_000, le=100_000_000)
    users: int | None = Field(None, ge=1, description="Derived from `ratings` if unset.")
    movies: int | None = Field(None, ge=1, description="Derived from `ratings` if unset.")
    seed: int = 42


class EvaluationConfig(Section):
    """The thresholds that a model has to clear before it is pushed, and where it is looked at."""

    max_rmse: float = Field(1.1, gt=0, description="Ranking: root mean squared error in stars.")
    max_mae: float = Field(0.9, gt=0, description="Ranking: mean absolute error in stars.")
    min_recall_at_10: float = Field(0.02, ge=0, le=1)
    min_recall_at_100: float = Field(0.1, ge=0, le=1)
    beat_reference: bool = Field(
        True, description="Ranking must beat the bias model and retrieval must beat popularity."
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
    replace_unreadable: tuple[Annotated[str, Field(pattern=r"^(retrieval|ranking)/[1-9]\d*$")], ...] = Field(
        (),
        description="Served versions that can no longer read today's Examples and may be replaced without a "
        "comparison, for example `retrieval/1764098765`.",
    )
    confidence_intervals: bool = True
    slices: tuple[str, ...] = Field(
        ("user_gender", "bucketized_user_age", "user_occupation_text"),
        description="Features to slice by; one that the data set lacks is left out.",
    )


class TuningConfig(Section):
    """The search for better hyperparameters on validation examples cut from the train split."""

    models: tuple[Literal["retrieval", "ranking", "joint"], ...] = Field(
        (), description="`--tune` names them."
    )
    trials: int = Field(20, ge=1, description="Fits per model.")
    epochs: int = Field(
        20, ge=1, description="Upper limit of a trial; early stopping usually ends it before."
    )


class PushConfig(Section):
    """Which versions stay below `serving/<model>/`."""

    keep_versions: int = Field(5, ge=1, description="The newest versions, the one just pushed included.")
    pinned_versions: tuple[int, ...] = Field(
        (), description="Versions that stay whatever their age, because a server's configuration names them."
    )


class BeamConfig(Section):
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


class KubeflowConfig(Section):
    """What only the compiled Kubeflow pipeline needs."""

    image: str | None = Field(None, description="Container image that holds this project.")
    root: str | None = Field(
        None, description="Storage that every node reaches, for example gs://bucket/movielens."
    )
    name: str = Field("movielens", pattern=r"^[a-z0-9][a-z0-9-]*$")


class PipelineConfig(Section):
    """The whole configuration of one pipeline."""

    pipeline_name: str = Field("movielens", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    seed: int = Field(
        42, ge=0, lt=2**31, description="Seeds the initial weights, the shuffling and the dropout."
    )
    output: str = Field("runs", min_length=1, description="Root folder of everything that a run writes.")
    dataset: str | None = Field(None, description="MovieLens data set to download, for example ml-100k.")
    data_dir: str | None = Field(
        None, description="Folder that is already there; with neither it nor `dataset`, the synthetic sample."
    )
    data: ExampleGenSettings = ExampleGenSettings()
    data_gate: DataGateSettings = DataGateSettings()
    sample: SampleConfig = SampleConfig()
    model: Literal["separate", "joint"] = Field(
        "separate", description="A retrieval model and a ranking model, or one that does both."
    )
    retrieval: RetrievalHyperparameters = RetrievalHyperparameters()
    ranking: RankingHyperparameters = RankingHyperparameters()
    joint: JointHyperparameters = JointHyperparameters()
    tuning: TuningConfig = TuningConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    probe: ModelProbeSettings = ModelProbeSettings()
    push: PushConfig = PushConfig()
    beam: BeamConfig = BeamConfig()
    kubeflow: KubeflowConfig = KubeflowConfig()

    @model_validator(mode="after")
    def _tunes_what_it_trains(self) -> PipelineConfig:
        beside = [name for name in self.tuning.models if name not in self.models]
        if beside:
            raise ValueError(
                f"tuning.models names {', '.join(beside)}, which is not trained: with model {self.model} "
                f"there is {' and '.join(self.models)}"
            )
        return self

    @property
    def models(self) -> tuple[str, ...]:
        """The models that are trained, evaluated and pushed."""
        return (JOINT,) if self.model == JOINT else (RETRIEVAL, RANKING)

    # `output` may be an address such as gs://bucket/root, which `pathlib` would squeeze to gs:/bucket.

    @property
    def artifact_root(self) -> str:
        """The folder of TFX's artifacts (`pipeline_root`)."""
        return posixpath.join(self.output, "artifacts")

    @property
    def metadata_path(self) -> str:
        """The SQLite file of ML Metadata, which remembers lineage and what can be reused."""
        return posixpath.join(self.output, "metadata.sqlite")

    @property
    def data_name(self) -> str:
        """What the data is called where its metrics are shown: the folder's name, such as `ml-100k`."""
        return posixpath.basename((self.data_dir or "").rstrip("/"))

    @property
    def log_dir(self) -> str:
        """The folder with one log file a run."""
        return posixpath.join(self.output, "logs")

    @property
    def accepted_dir(self) -> str:
        """The folder in which the data gate remembers the data that it let through."""
        return posixpath.join(self.output, "accepted")

    @property
    def data_series(self) -> str:
        """What the runs are called whose data is compared with one another."""
        return self.data_gate.series or posixpath.basename((self.data_dir or "").rstrip("/")) or "data"

    @property
    def evaluation_series(self) -> str:
        """What models are called that may be compared on one another's Examples: same data, same split.

        Under another split rule a model may have been trained on today's eval split.
        """
        seed = f", seed {self.data.seed}, {self.data.random_rule}" if self.data.split == "random" else ""
        return f"{self.data_series}, {self.data.split_label}{seed}"

    def hyperparameters(self, model: str) -> FitHyperparameters:
        """The configured hyperparameters of a model."""
        found: FitHyperparameters = getattr(self, model)
        return found

    def tuning_dir(self, model: str) -> str:
        """The folder in which the searches for hyperparameters of `model` are kept, so that they go on."""
        return posixpath.join(self.output, "tuning", model)

    def serving_dir(self, model: str) -> str:
        """The folder that the Pusher fills with versions of `model` and TensorFlow Serving watches."""
        return posixpath.join(self.output, "serving", model)


def load_config(
    path: Path | str | None = None, overrides: Sequence[str] = (), preset: str | None = None
) -> PipelineConfig:
    """Reads the settings: the defaults, then the preset, then the YAML file, then the overrides.

    Args:
      path: YAML file with the settings that differ from the preset's or the defaults, or None.
      overrides: `section.key=value` texts, the value written as in YAML; later ones win.
      preset: one of `preset_names()`, or None.

    Raises:
      ConfigError: there is no such preset, the file cannot be read, or a key or a value is wrong.
    """
    tree = read_preset(preset) if preset is not None else {}
    origins: dict[str, str] = {}
    if tree:
        _validated(tree, origins, f"preset {preset}")  # What is wrong from here on is not the preset's fault.
    tree = merged(tree, read_settings(Path(path)) if path is not None else {})
    for text in overrides:
        dotted, value = parse_override(text)
        put(tree, dotted, value, text)
        origins[dotted] = f"override {text!r}"
    return _validated(tree, origins, str(path) if path is not None else "configuration")


def _validated(tree: dict[str, Any], origins: dict[str, str], default_origin: str) -> PipelineConfig:
    try:
        return PipelineConfig.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(
            "\n".join(_explain(detail, origins, default_origin) for detail in error.errors())
        ) from None


def _explain(detail: ErrorDetails, origins: dict[str, str], default_origin: str) -> str:
    """One line for one pydantic error: origin, key, what is wrong and what to write."""
    names = [str(part) for part in detail["loc"]]
    dotted = ".".join(names)
    origin = next(
        (text for key, text in origins.items() if f"{dotted}.".startswith(f"{key}.")), default_origin
    )
    if detail["type"] == "extra_forbidden":
        return f"{origin}: unknown setting {dotted}{_suggestion(names)}"
    if detail["type"] == "value_error":  # A validator of ours: its message names the key by itself.
        return f"{origin}: {detail['ctx']['error']}"
    expected = detail["msg"].removeprefix("Input ")
    if detail["type"] in ("model_type", "model_attributes_type"):
        expected = "should be a section with keys of its own"
    return f"{origin}: {dotted} is {detail['input']!r}, which {expected}"


def _suggestion(names: list[str]) -> str:
    section: type[BaseModel] = PipelineConfig
    for name in names[:-1]:
        if name.isdigit():  # A place in a list, whose elements the annotation before it named.
            continue
        annotation = section.model_fields[name].annotation
        element = next(iter(get_args(annotation)), annotation)
        assert isinstance(element, type)
        section = element
    close = difflib.get_close_matches(names[-1], section.model_fields, n=1)
    if close:
        return f"; did you mean {'.'.join([*names[:-1], close[0]])}?"
    return f"; known here: {', '.join(section.model_fields)}"
