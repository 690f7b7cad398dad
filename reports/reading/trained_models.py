"""The models of a run: what was trained, how it was judged, and where its parts are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contracts import artifacts
from contracts.artifacts import SERVED_MODEL
from contracts.signatures import JOINT, RANKING, RECOMMENDER
from reports.reading.run_data import Artifact, Node, Run
from reports.verdict import Verdict

# Where TFX's Trainer puts the SavedModel in its artifact.
SERVING_FORMAT: Final = "Format-Serving"
_COMPOSER: Final = "RecommenderComposer"
_RERANKING_MODEL: Final = "reranking_model"
_TRAINER: Final = "Trainer"
_TUNER: Final = "Tuner"
# Its file in the Tuner's artifact.
_TUNER_RESULTS_FILE: Final = "tuner_results.json"


@dataclass(frozen=True)
class TrainedModel:
    """A model of the run.

    Attributes:
      name: `retrieval` or `ranking`, or what else its Trainer is called.
      trainer: the node.
      saved_model: folder of the SavedModel.
      model_run: folder of what its fit left, None if it is gone.
      evaluation: folder of its Evaluator's results, None if it was not evaluated.
      served: what it was compared with, None if that is not known; it may be gone.
      pushed: the version that serving got, "" if none.
      blessing: folder of its probe's InfraBlessing, None if it was not probed.
      tuner_results: folder of the trials of the search before its fit, None if there was none.
    """

    name: str
    trainer: Node
    saved_model: Path
    model_run: Path | None
    evaluation: Path | None
    served: Artifact | None
    pushed: str
    blessing: Path | None = None
    tuner_results: Path | None = None

    @property
    def fit(self) -> Mapping[str, Any]:
        """What `fit.json` holds; empty if it is not there."""
        found: Mapping[str, Any] = self._read(artifacts.FIT_FILE) or {}
        return found

    @property
    def cross_weights(self) -> Mapping[str, Any]:
        """The features and the norms of the weights of each cross layer; empty if it has none."""
        found: Mapping[str, Any] = self._read(artifacts.CROSS_WEIGHTS_FILE) or {}
        return found

    @property
    def embeddings(self) -> Path | None:
        """The file of the movies' embeddings."""
        path = self.model_run / artifacts.MOVIE_EMBEDDINGS_FILE if self.model_run else None
        return path if path and path.is_file() else None

    @property
    def trials(self) -> Sequence[Mapping[str, Any]]:
        """The trials of the search, the best first: `trial_id`, `score` and what was tried."""
        return _read(self.tuner_results, _TUNER_RESULTS_FILE) or ()

    def _read(self, name: str) -> Any:
        return _read(self.model_run, name)


def trained_models(run: Run) -> Iterator[TrainedModel]:
    """Yields the models of a run whose files are still there."""
    for name, trainer, artifact in _servables(run):
        if not (artifact.folder / SERVING_FORMAT).is_dir():
            continue
        evaluation = _made_from(run, name, artifact, "evaluation")
        pushed = next((each for _, each in run.outputs(artifacts.PUSHED_PREFIX + name)), None)
        blessing = _made_from(run, name, artifact, "infra_blessing")
        version = str(pushed.properties.get("pushed_version", "")) if pushed else ""
        model_run = run.artifact(trainer.id, "model_run")
        trials = run.artifact(trainer.id.replace(_TRAINER, _TUNER), "tuner_results")
        yield TrainedModel(
            name=name,
            trainer=trainer,
            saved_model=artifact.folder / SERVING_FORMAT,
            model_run=model_run.folder if model_run else None,
            evaluation=evaluation.folder if evaluation and evaluation.folder.is_dir() else None,
            served=_made_from(run, name, artifact, SERVED_MODEL),
            pushed=version if pushed and pushed.properties.get("pushed") else "",
            blessing=blessing.folder if blessing and blessing.folder.is_dir() else None,
            tuner_results=trials.folder if trials else None,
        )


def _servables(run: Run) -> Iterator[tuple[str, Node, Artifact]]:
    """Name, node and model of what is evaluated and pushed: composed models in place of trained ones."""
    composed = {
        channel: artifact
        for channel in ("model", _RERANKING_MODEL)
        for node, artifact in run.outputs(channel)
        if node.id == _COMPOSER
    }
    names = {node.id: node.id.removesuffix(_TRAINER).lower() for node, _ in run.outputs("model")}
    for trainer, artifact in run.outputs("model"):
        name = names[trainer.id]
        if trainer.id != _COMPOSER:
            channel = {RANKING: _RERANKING_MODEL, JOINT: "model"}.get(name, "")
            yield name, trainer, composed.get(channel, artifact)
        elif JOINT not in names.values():
            yield RECOMMENDER, trainer, artifact


def _read(folder: Path | None, name: str) -> Any:
    path = folder / name if folder else None
    return json.loads(path.read_text(encoding="utf-8")) if path and path.is_file() else None


def verdict_of(blessed: bool) -> Verdict:
    """The verdict of an Evaluator."""
    return Verdict.PASSED if blessed else Verdict.FAILED


def _made_from(run: Run, name: str, model: Artifact, channel: str) -> Artifact | None:
    """The output on `channel` of the node that read the model."""
    for node, artifact in run.outputs(channel):
        read = node.inputs.get("model", ())
        # Where lineage is not recorded, the names of the nodes decide.
        same_name = node.id.startswith(name.capitalize())
        if any(found.id == model.id and found.uri == model.uri for found in read) or (not read and same_name):
            return artifact
    return None
