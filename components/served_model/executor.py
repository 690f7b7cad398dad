"""The work of `ServedModel`: chooses a version, tries it on today's Examples, and copies it."""

import json
import logging
import posixpath
from dataclasses import asdict
from typing import Any, Final

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components.atomic_pusher.manifest import ManifestError, model_fingerprint
from components.atomic_pusher.versions import changed_file, hashed_files, read_manifest
from components.served_model.choice import ServedChoice, choose
from components.served_model.trial import unreadable
from contracts import artifacts, features, signatures

_LOG: Final = logging.getLogger(__name__)

# Inputs and execution properties.
MODEL_KEY: Final = "model"
EXAMPLES_KEY: Final = "examples"
BASE_DIRECTORY_KEY: Final = "base_directory"
SERIES_KEY: Final = "series"
REPLACE_UNREADABLE_KEY: Final = "replace_unreadable"
CODE_FINGERPRINT_KEY: Final = "code_fingerprint"
BASELINE_KEY: Final = "baseline"

# What the Evaluator requests of a model, with the number of dimensions.
_OUTPUTS: Final = {features.MOVIE_ID: 2, features.USER_RATING: 1}


class ServedModelError(RuntimeError):
    """The served version cannot be compared with; the message names it and what to do."""


class ServedModelExecutor(base_executor.BaseExecutor):
    """Gives out the version, or the candidate in its place."""

    def Do(  # noqa: N802 - the base class's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Fills the `served_model` artifact.

        Raises:
          ServedModelError: the version cannot read today's Examples and no setting allows to replace it.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        choice = chosen(input_dict, exec_properties)
        override = ""
        if choice.version is not None:
            examples = artifact_utils.get_split_uri(input_dict[EXAMPLES_KEY], features.EVAL_SPLIT)
            if problem := _problem(choice, examples):
                override = _override(choice, problem, exec_properties)
        passed_over = bool(override) or choice.version is None
        served = artifact_utils.get_single_instance(output_dict[artifacts.SERVED_MODEL])
        io_utils.copy_dir(
            _saved_model(input_dict) if passed_over else choice.path,
            path_utils.serving_model_path(served.uri),
        )
        properties = {
            artifacts.SERVED_VERSION: "" if passed_over else str(choice.version),
            artifacts.SERVED_DIGEST: "" if passed_over else choice.digest,
            artifacts.SERVED_OVERRIDE: override,
            artifacts.SERVED_SUMMARY: override or choice.note,
        }
        for name, value in properties.items():
            served.set_string_custom_property(name, value)
        record = {**properties, "chosen": asdict(choice), "base": exec_properties[BASE_DIRECTORY_KEY]}
        io_utils.write_string_file(
            posixpath.join(served.uri, artifacts.SERVED_MODEL_FILE), json.dumps(record, indent=2) + "\n"
        )


def chosen(input_dict: dict[str, list[types.Artifact]], exec_properties: dict[str, Any]) -> ServedChoice:
    """What the inputs and execution properties lead to at this moment.

    Raises:
      OSError: a version cannot be read.
    """
    candidate = model_fingerprint(hashed_files(_saved_model(input_dict)))
    return choose(exec_properties[BASE_DIRECTORY_KEY], candidate, exec_properties[SERIES_KEY])


def _saved_model(input_dict: dict[str, list[types.Artifact]]) -> str:
    model = artifact_utils.get_single_instance(input_dict[MODEL_KEY])
    path: str = path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
    return path


def _problem(choice: ServedChoice, examples: str) -> str:
    try:
        manifest = read_manifest(choice.path)
        changed = changed_file(choice.path, manifest) if manifest else None
    except ManifestError as error:
        return str(error)
    if changed:
        return f"{posixpath.join(choice.path, changed)} is not what was pushed"
    return unreadable(choice.path, examples, signatures.EVALUATE, _OUTPUTS)


def _override(choice: ServedChoice, problem: str, exec_properties: dict[str, Any]) -> str:
    """What to record where a setting names the version.

    Raises:
      ServedModelError: no setting does.
    """
    model = posixpath.basename(exec_properties[BASE_DIRECTORY_KEY].rstrip("/"))
    version = f"{model}/{choice.version}"
    if version not in json.loads(exec_properties[REPLACE_UNREADABLE_KEY]):
        raise ServedModelError(
            f"{choice.path} is what a new model has to be compared with, and it cannot be evaluated on "
            f"today's Examples: {problem}. Serve a version that can (python -m pipeline versions {model}, "
            f"python -m pipeline rollback), or let this one be replaced without a comparison: "
            f"--set evaluation.replace_unreadable=[{version}]"
        )
    note = (
        f"version {choice.version} is not compared with, as set by evaluation.replace_unreadable: {problem}"
    )
    _LOG.warning("%s: %s", choice.path, note)
    return note
