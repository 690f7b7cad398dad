"""Runs the real probe and the real pusher over what a run left, with models that are broken in known ways."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx.dsl.components.base import base_executor
from tfx.types import Artifact, Channel, artifact_utils, standard_artifacts

from components.atomic_pusher.component import AtomicPusher, ServableInputs
from components.atomic_pusher.executor import AtomicPusherExecutor as PusherExecutor
from components.model_probe.component import ModelProbe
from components.model_probe.executor import ModelProbeExecutor as ProbeExecutor
from components.model_probe.settings import ModelProbeSettings
from contracts.artifacts import MODEL_PROBE_FILE
from tests.pipeline_run import PipelineRun

Answer = dict[str, tf.Tensor]
Change = Callable[[Answer], Answer]


@dataclass(frozen=True)
class Probed:
    """The verdict of the probe on a model, and what the pusher then did.

    Attributes:
      blessed: whether the model was blessed.
      reason: why not.
      checks: of the record.
      pushed: the properties of the pusher's output.
      versions: what lies in the folder that a server would watch.
    """

    blessed: bool
    reason: str
    checks: list[dict[str, Any]]
    pushed: dict[str, Any]
    versions: list[str]

    @property
    def failed(self) -> list[tuple[str, str]]:
        """Signature and kind of the checks that failed, the gravest first."""
        return [(check["feature"], check["name"]) for check in self.checks if check["verdict"] == "failed"]


@dataclass(frozen=True)
class ProbedRun:
    """A finished run whose artifacts are probed and pushed again, below a folder of one's own."""

    run: PipelineRun
    folder: Path

    def __call__(self, name: str, model: Path, **thresholds: float) -> Probed:
        """Probes a model in the place of the run's own, and hands the probe's blessing to the pusher."""
        trained = self._new(standard_artifacts.Model, "model")
        (Path(trained.uri) / "Format-Serving").symlink_to(model)
        inputs = {
            "model": [trained],
            "ratings": [self._examples("RatingsGen", "examples", ["train", "eval"])],
            "movies": [self._examples("MoviesGen", "examples", ["all"])],
            "ratings_statistics": [
                self._of_run(standard_artifacts.ExampleStatistics, "RatingsStatistics", "statistics")
            ],
            "transformed_examples": [self._examples("Transform", "transformed_examples", ["train", "eval"])],
        }
        inputs["ratings_statistics"][0].split_names = artifact_utils.encode_split_names(["train", "eval"])
        blessing = self._new(standard_artifacts.InfraBlessing, "infra_blessing")
        probe = ModelProbe(
            *(Channel(type=type(artifact)) for [artifact] in inputs.values()),
            contract=[name],
            settings=ModelProbeSettings(**{"max_latency_ms": 10_000, **thresholds}),
        )
        ProbeExecutor(self._context()).Do(inputs, {"infra_blessing": [blessing]}, probe.spec.exec_properties)
        record = json.loads((Path(blessing.uri) / MODEL_PROBE_FILE).read_text())
        base = self.folder / "serving" / name
        pushed = self._push(inputs, blessing, base)
        properties = _properties(blessing)
        assert record["blessed"] == (properties["blessed"] == 1)
        marks = {"INFRA_BLESSED", "INFRA_NOT_BLESSED"} & {file.name for file in Path(blessing.uri).iterdir()}
        assert marks == {"INFRA_BLESSED" if record["blessed"] else "INFRA_NOT_BLESSED"}
        return Probed(
            blessed=record["blessed"],
            reason=properties.get("reason", ""),
            checks=record["checks"],
            pushed=pushed,
            versions=[path.name for path in base.glob("[0-9]*")],
        )

    def _push(self, inputs: dict[str, list[Artifact]], blessing: Artifact, base: Path) -> dict[str, Any]:
        pusher = AtomicPusher(
            {
                base.name: ServableInputs(
                    model=Channel(type=standard_artifacts.Model),
                    base_directory=str(base),
                    code={},
                    infra_blessing=Channel(type=standard_artifacts.InfraBlessing),
                )
            },
            ratings=Channel(type=standard_artifacts.Examples),
            movies=Channel(type=standard_artifacts.Examples),
            schema=Channel(type=standard_artifacts.Schema),
            keep_versions=5,
            measured_on="eval split, random, sample",
        )
        pushed = self._new(standard_artifacts.PushedModel, "pushed")
        PusherExecutor(self._context()).Do(
            {
                **{name: inputs[name] for name in ("ratings", "movies")},
                f"{base.name}_model": inputs["model"],
                "schema": [self._of_run(standard_artifacts.Schema, "RatingsSchema", "schema")],
                f"{base.name}_infra_blessing": [blessing],
            },
            {f"pushed_{base.name}": [pushed]},
            pusher.spec.exec_properties,
        )
        return _properties(pushed)

    def _context(self) -> base_executor.BaseExecutor.Context:
        return base_executor.BaseExecutor.Context(
            tmp_dir=str(self.folder / "tmp"), unique_id="1", pipeline_run_id="probed"
        )

    def _new(self, kind: Callable[[], Artifact], name: str) -> Artifact:
        artifact = kind()
        artifact.uri = str(self.folder / name)
        Path(artifact.uri).mkdir()
        return artifact

    def _of_run(self, kind: Callable[[], Artifact], node: str, channel: str) -> Artifact:
        artifact = kind()
        # Other tests may have run more over the same folder; the first run's artifact is the oldest.
        folders = (self.run.output / "artifacts" / node / channel).iterdir()
        artifact.uri = str(min((path for path in folders if path.is_dir()), key=lambda path: int(path.name)))
        return artifact

    def _examples(self, node: str, channel: str, splits: list[str]) -> Artifact:
        artifact = self._of_run(standard_artifacts.Examples, node, channel)
        artifact.split_names = artifact_utils.encode_split_names(splits)
        return artifact


def rewritten(
    model: Path, folder: Path, changes: dict[str, Change | None] | None = None, weights: float | None = None
) -> Path:
    """Saves a SavedModel again, broken.

    Args:
      model: a good one.
      folder: where to write.
      changes: by signature, what becomes of its answer; None takes the signature away.
      weights: what all weights become.
    """
    loaded = tf.saved_model.load(str(model))
    signatures = dict(loaded.signatures)
    if weights is not None:
        for signature in signatures.values():
            for variable in signature.variables:
                if variable.dtype.is_floating:
                    variable.assign(tf.fill(variable.shape, tf.cast(weights, variable.dtype)))
    module = tf.Module()
    module.loaded = loaded
    for name, change in (changes or {}).items():
        original = signatures.pop(name)
        if change is not None:
            signatures[name] = _changed(original, change)
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


def _changed(original: Any, change: Change) -> Any:
    @tf.function(autograph=False)
    def answer(**inputs: tf.Tensor) -> Answer:
        return change(original(**inputs))

    return answer.get_concrete_function(**original.structured_input_signature[1])


def _properties(artifact: Artifact) -> dict[str, Any]:
    values = artifact.mlmd_artifact.custom_properties
    return {name: getattr(value, value.WhichOneof("value")) for name, value in values.items()}
