"""Every setting of the pipeline: one tree of validated, frozen models.

Nothing here imports TensorFlow or TFX, so an entry point can refuse a bad setting in well under a second.
`load_config` reads a preset, YAML and `a.b=c` overrides; `configs/default.yaml` shows every key with its
default.
"""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from components.data_gate.settings import DataGateSettings
from components.model_probe.settings import ModelProbeSettings
from components.movielens_example_gen.settings import ExampleGenSettings
from pipeline.config_sections import (
    BeamConfig,
    ConfigSection,
    EvaluationConfig,
    ExportConfig,
    KubeflowConfig,
    PushConfig,
    SampleConfig,
    TuningConfig,
)
from pipeline.renamed_settings import RENAMED
from pipeline.setting_trees import ConfigError as ConfigError
from pipeline.setting_trees import (
    merged,
    parse_override,
    preset_of_split,
    put,
    read_preset,
    read_settings,
    split_defaults,
)
from pipeline.setting_trees import preset_names as preset_names
from trainer_module.joint.hyperparameters import JointHyperparameters, JointWeights, check_joint
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters

RETRIEVAL = "retrieval"
RANKING = "ranking"
JOINT = "joint"
MODELS = (RETRIEVAL, RANKING, JOINT)


# A version of a servable, as `replace_unreadable` names it.


class PipelineConfig(ConfigSection):
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
        "separate",
        description="A retrieval and a ranking model, or one that does both with the settings of both.",
    )
    retrieval: RetrievalHyperparameters = RetrievalHyperparameters()
    ranking: RankingHyperparameters = RankingHyperparameters()
    joint: JointWeights = JointWeights()
    tuning: TuningConfig = TuningConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    probe: ModelProbeSettings = ModelProbeSettings()
    push: PushConfig = PushConfig()
    export: ExportConfig = ExportConfig()
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

    @model_validator(mode="after")
    def _has_one_source(self) -> PipelineConfig:
        if self.dataset is not None and self.data_dir is not None:
            raise ValueError(
                f"dataset {self.dataset} and data_dir {self.data_dir} are both given: leave one out "
                "(--dataset downloads, --data-dir names a folder that is already there)"
            )
        return self

    @model_validator(mode="after")
    def _halves_of_a_joint_model_go_together(self) -> PipelineConfig:
        if self.model == JOINT:
            check_joint(self.retrieval, self.ranking)
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
    def accepted_dir(self) -> str:
        """The folder in which the data gate remembers the data that it let through."""
        return posixpath.join(self.output, "accepted")

    @property
    def data_series(self) -> str:
        """What the runs are called whose data is compared with one another.

        A local run without a series in its settings has the identity of its content; where the data is out
        of reach of who compiles the pipeline, the series is the whole address of the data.
        """
        return self.data_gate.series or (self.data_dir or "data").rstrip("/")

    @property
    def evaluation_series(self) -> str:
        """What models are called that may be compared on one another's Examples: same data, same split.

        Under another split rule a model may have been trained on today's eval split.
        """
        seed = f", seed {self.data.seed}, {self.data.random_rule}" if self.data.split == "random" else ""
        return f"{self.data_series}, {self.data.split_label}{seed}"

    def hyperparameters(self, model: str) -> BaseModel:
        """The configured hyperparameters of a model; a joint model's are made of those of both."""
        if model == JOINT:
            weights = self.joint.model_dump()
            return JointHyperparameters(retrieval=self.retrieval, ranking=self.ranking, **weights)
        found: BaseModel = getattr(self, model)
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

    The defaults are those of the split rule (`configs/split_defaults.yaml`), except in a section that the
    preset has: its settings were chosen together, beside the common defaults.

    Args:
      path: YAML file with the settings that differ from the preset's or the defaults, or None.
      overrides: `section.key=value` texts, the value written as in YAML; later ones win.
      preset: one of `preset_names()`, or None; `best` stands for the strongest one of the split.

    Raises:
      ConfigError: there is no such preset, the file cannot be read, or a key or a value is wrong.
    """
    tree = read_settings(Path(path)) if path is not None else {}
    origins: dict[str, str] = {}
    for text in overrides:
        dotted, value = parse_override(text)
        put(tree, dotted, value, text)
        origins[dotted] = f"override {text!r}"
    below: dict[str, Any] = {}
    if preset is not None:
        name = preset_of_split(preset, _split(tree))
        below = read_preset(name)
        _validated(below, {}, f"preset {name}")  # What is wrong from here on is not the preset's fault.
    tree = merged({**_split_defaults(merged(below, tree)), **below}, tree)
    return _validated(tree, origins, str(path) if path is not None else "configuration")


def _split(tree: dict[str, Any]) -> object:
    """The split rule in a tree of settings, which may not be one."""
    data = tree.get("data")
    return (data.get("split") if isinstance(data, dict) else None) or ExampleGenSettings().split


def _split_defaults(tree: dict[str, Any]) -> dict[str, Any]:
    """The defaults of the split rule in a tree of settings; a joint model has the common ones."""
    return {} if tree.get("model") == JOINT else split_defaults(_split(tree))


def _validated(tree: dict[str, Any], origins: dict[str, str], default_origin: str) -> PipelineConfig:
    for dotted, value in _booleans(tree, PipelineConfig, ""):
        origin = origins.get(dotted, default_origin)
        raise ConfigError(f"{origin}: {dotted} is {value!r}, which should be a number")
    try:
        return PipelineConfig.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(
            "\n".join(_explain(detail, origins, default_origin) for detail in error.errors())
        ) from None


def _booleans(tree: dict[str, Any], section: type[BaseModel], prefix: str) -> Iterator[tuple[str, object]]:
    """Yields the settings that are numbers and have a boolean, which pydantic would take as 0 or 1."""
    for name, value in tree.items():
        if name not in section.model_fields:
            continue
        annotation = section.model_fields[name].annotation
        if isinstance(value, dict) and isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _booleans(value, annotation, f"{prefix}{name}.")
        kinds = (annotation, *get_args(annotation))
        values = value if isinstance(value, list) else [value]
        if (int in kinds or float in kinds) and any(isinstance(one, bool) for one in values):
            yield f"{prefix}{name}", value


def _explain(detail: ErrorDetails, origins: dict[str, str], default_origin: str) -> str:
    """One line for one pydantic error: origin, key, what is wrong and what to write."""
    names = [str(part) for part in detail["loc"]]
    dotted = ".".join(names)
    origin = next(
        (text for key, text in origins.items() if f"{dotted}.".startswith(f"{key}.")), default_origin
    )
    if detail["type"] == "extra_forbidden":
        if dotted in RENAMED:
            return f"{origin}: {dotted} is no longer a setting: {RENAMED[dotted]}"
        return f"{origin}: unknown setting {dotted}{_suggestion(names)}"
    if detail["type"] == "value_error":  # A validator of ours: its message names the key by itself.
        return f"{origin}: {detail['ctx']['error']}"
    expected = detail["msg"].removeprefix("Input ").removeprefix("String ")
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
