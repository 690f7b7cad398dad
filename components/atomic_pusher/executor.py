"""The work of `AtomicPusher`."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from tfx import types
from tfx.components.pusher import executor
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils

from components.atomic_pusher.blessings import withheld
from components.atomic_pusher.catalogue import catalogue_file
from components.atomic_pusher.channels import (
    EVALUATION,
    MODEL,
    MOVIES_KEY,
    RATINGS_KEY,
    SCHEMA_KEY,
    SERVED_MODEL,
    input_key,
)
from components.atomic_pusher.manifest import WARM_UP_FILE, Provenance
from components.atomic_pusher.overall_metrics import overall_metrics
from components.atomic_pusher.publishing import PushCandidate, Pushed, Retention, push
from components.atomic_pusher.versions import hashed_files
from components.atomic_pusher.warmup import read_ratings, warm_up_file
from contracts import features
from contracts.artifacts import PUSHED_PREFIX, REFUSAL_REASON, SERVED_DIGEST
from contracts.catalogue import CATALOGUE_FILE
from contracts.signatures import JOINT, RECOMMENDER

SETTINGS_KEY: Final = "settings"
# Its content.
BASE_DIRECTORIES: Final = "base_directories"
BLESSINGS: Final = "blessings"
KEEP_VERSIONS: Final = "keep_versions"
PINNED_VERSIONS: Final = "pinned_versions"
MEASURED_ON: Final = "measured_on"
CODE: Final = "code"
SERIES: Final = "series"

# The custom property that the console shows of a node.
_SUMMARY: Final = "summary"

_Artifacts = Mapping[str, list[types.Artifact]]


class AtomicPusherExecutor(executor.Executor):
    """The stock Pusher's choice of the model and properties; another way to copy, and stricter blessings."""

    def Do(  # noqa: N802 - the base class's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes the servables if all of them are blessed.

        Raises:
          PushError: nothing was pushed; what was served still is.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = json.loads(exec_properties[SETTINGS_KEY])
        names = [name for name, _ in settings[BASE_DIRECTORIES]]
        artifacts = {
            name: artifact_utils.get_single_instance(output_dict[PUSHED_PREFIX + name]) for name in names
        }
        if refused := withheld(input_dict, settings[BLESSINGS]):
            reason = "; ".join(f"{name}: {why}" for name, why in refused.items())
            for artifact in artifacts.values():
                self._MarkNotPushed(artifact)
                artifact.set_string_custom_property(REFUSAL_REASON, reason)
            return
        examples = artifact_utils.get_single_instance(input_dict[RATINGS_KEY])
        movies = artifact_utils.get_single_instance(input_dict[MOVIES_KEY])
        ratings = read_ratings(artifact_utils.get_split_uri([examples], features.EVAL_SPLIT))
        data = self._provenance_of_run(input_dict, settings)
        candidates = []
        for name, base in settings[BASE_DIRECTORIES]:
            model = self.GetModelPath(
                {standard_component_specs.MODEL_KEY: input_dict[input_key(name, MODEL)]}
            )
            provenance = Provenance(**data, **_provenance_of_model(input_dict, name, settings))
            extra_files = {WARM_UP_FILE: warm_up_file(model, name, ratings)}
            if name in (RECOMMENDER, JOINT):
                extra_files[CATALOGUE_FILE] = catalogue_file(*map(_splits, (examples, movies)))
            candidates.append(PushCandidate(base.rstrip("/"), model, provenance, extra_files))
        retention = Retention(settings[KEEP_VERSIONS], settings[PINNED_VERSIONS])
        for name, candidate, pushed in zip(names, candidates, push(candidates, retention), strict=True):
            artifact = artifacts[name]
            # As the stock Pusher does, so that the artifact can be read when the version is gone.
            io_utils.copy_dir(candidate.model, artifact.uri)
            self._MarkPushed(artifact, pushed_destination=pushed.path, pushed_version=str(pushed.version))
            if not pushed.is_new:
                artifact.set_string_custom_property(_SUMMARY, _already_there(pushed))

    def _provenance_of_run(self, input_dict: _Artifacts, settings: dict[str, Any]) -> dict[str, Any]:
        schema = artifact_utils.get_single_uri(input_dict[SCHEMA_KEY])
        data = {name: artifact_utils.get_single_uri(input_dict[name]) for name in (RATINGS_KEY, MOVIES_KEY)}
        return {
            "measured_on": settings[MEASURED_ON],
            "run_id": (self._context.pipeline_run_id if self._context else None) or "",
            "data": {name: _sha256(_below_splits(hashed_files(uri))) for name, uri in data.items()},
            "schema": _sha256(hashed_files(schema)),
            "series": settings[SERIES],
        }


def _provenance_of_model(input_dict: _Artifacts, servable: str, settings: dict[str, Any]) -> dict[str, Any]:
    evaluation = input_dict.get(input_key(servable, EVALUATION))
    served = input_dict.get(input_key(servable, SERVED_MODEL))
    return {
        "metrics": overall_metrics(artifact_utils.get_single_uri(evaluation)) if evaluation else {},
        "code": settings[CODE][servable],
        "baseline": artifact_utils.get_single_instance(served).get_string_custom_property(SERVED_DIGEST)
        if served
        else None,
    }


def _splits(examples: types.Artifact) -> list[str]:
    """The folders of all splits."""
    names = artifact_utils.decode_split_names(examples.split_names)
    return [artifact_utils.get_split_uri([examples], name) for name in names]


def _below_splits(files: dict[str, str]) -> dict[str, str]:
    """The Examples without the properties that the ExampleGen adds."""
    return {file: digest for file, digest in files.items() if file.startswith("Split-")}


def _sha256(files: dict[str, str]) -> str:
    return hashlib.sha256("".join(f"{file} {files[file]}\n" for file in sorted(files)).encode()).hexdigest()


def _already_there(pushed: Pushed) -> str:
    text = f"the models are version {pushed.version}, nothing pushed anew"
    return text if pushed.served == pushed.version else f"{text}; version {pushed.served} is served"
