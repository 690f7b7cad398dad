"""The work of `AtomicPusher`."""

import hashlib
import json
import posixpath
from typing import Any, Final

from tfx import types
from tfx.components.pusher import executor
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, proto_utils

from components.atomic_pusher.blessings import withheld
from components.atomic_pusher.manifest import WARM_UP_FILE, Provenance
from components.atomic_pusher.overall_metrics import overall_metrics
from components.atomic_pusher.publishing import Pushed, Retention, push
from components.atomic_pusher.versions import hashed_files
from components.atomic_pusher.warmup import read_ratings, warm_up_file
from contracts import features
from contracts.artifacts import REFUSAL_REASON, SERVED_DIGEST

# Inputs beside those of the stock Pusher.
EVALUATION_KEY: Final = "evaluation"
RATINGS_KEY: Final = "ratings"
MOVIES_KEY: Final = "movies"
SCHEMA_KEY: Final = "schema"
SERVED_MODEL_KEY: Final = "served_model"

# What stands in `custom_config`.
BLESSINGS: Final = "blessings"
KEEP_VERSIONS: Final = "keep_versions"
PINNED_VERSIONS: Final = "pinned_versions"
MEASURED_ON: Final = "measured_on"
CODE: Final = "code"
SERIES: Final = "series"

# The custom property that the console shows of a node.
_SUMMARY: Final = "summary"


class AtomicPusherExecutor(executor.Executor):
    """The stock Pusher's choice of the model and properties; another way to copy, and stricter blessings."""

    def Do(  # noqa: N802 - the base class's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes the model if it is blessed.

        Raises:
            PushError: nothing was pushed; what was served still is.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed_model = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.PUSHED_MODEL_KEY]
        )
        settings = json.loads(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        if reason := withheld(input_dict, settings[BLESSINGS]):
            self._MarkNotPushed(pushed_model)
            pushed_model.set_string_custom_property(REFUSAL_REASON, reason)
            return
        model = self.GetModelPath(input_dict)
        base = _base_directory(exec_properties)
        examples = artifact_utils.get_single_instance(input_dict[RATINGS_KEY])
        ratings = read_ratings(artifact_utils.get_split_uri([examples], features.EVAL_SPLIT))
        pushed = push(
            base,
            model,
            self._provenance(input_dict, settings),
            Retention(settings[KEEP_VERSIONS], settings[PINNED_VERSIONS]),
            {WARM_UP_FILE: warm_up_file(model, posixpath.basename(base), ratings)},
        )
        # As the stock Pusher does, so that the artifact can be read when the version is gone.
        io_utils.copy_dir(model, pushed_model.uri)
        self._MarkPushed(pushed_model, pushed_destination=pushed.path, pushed_version=str(pushed.version))
        if not pushed.is_new:
            pushed_model.set_string_custom_property(_SUMMARY, _already_there(pushed))

    def _provenance(
        self, input_dict: dict[str, list[types.Artifact]], settings: dict[str, Any]
    ) -> Provenance:
        evaluation, served = input_dict.get(EVALUATION_KEY), input_dict.get(SERVED_MODEL_KEY)
        schema = artifact_utils.get_single_uri(input_dict[SCHEMA_KEY])
        data = {name: artifact_utils.get_single_uri(input_dict[name]) for name in (RATINGS_KEY, MOVIES_KEY)}
        return Provenance(
            metrics=overall_metrics(artifact_utils.get_single_uri(evaluation)) if evaluation else {},
            measured_on=settings[MEASURED_ON],
            run_id=(self._context.pipeline_run_id if self._context else None) or "",
            data={name: _sha256(_below_splits(hashed_files(uri))) for name, uri in data.items()},
            code=settings[CODE],
            schema=_sha256(hashed_files(schema)),
            series=settings[SERIES],
            baseline=artifact_utils.get_single_instance(served).get_string_custom_property(SERVED_DIGEST)
            if served
            else None,
        )


def _base_directory(exec_properties: dict[str, Any]) -> str:
    destination = pusher_pb2.PushDestination()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.PUSH_DESTINATION_KEY], destination)
    base: str = destination.filesystem.base_directory
    return base.rstrip("/")


def _below_splits(files: dict[str, str]) -> dict[str, str]:
    """The Examples without the properties that the ExampleGen adds."""
    return {file: digest for file, digest in files.items() if file.startswith("Split-")}


def _sha256(files: dict[str, str]) -> str:
    return hashlib.sha256("".join(f"{file} {files[file]}\n" for file in sorted(files)).encode()).hexdigest()


def _already_there(pushed: Pushed) -> str:
    text = f"the model is version {pushed.version}, nothing pushed anew"
    return text if pushed.served == pushed.version else f"{text}; version {pushed.served} is served"
