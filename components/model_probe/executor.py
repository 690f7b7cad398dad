"""The work of `ModelProbe`: probes the model, keeps the record, and blesses the model or does not."""

import json
import posixpath
import tempfile
from typing import Any, Final

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components.model_probe.contract import contract_of
from components.model_probe.probe import probe
from components.model_probe.probe_data import MODEL, read_probe_data
from components.model_probe.probed_process import ProbedProcess
from components.model_probe.record import ProbeRecord
from components.model_probe.settings import ModelProbeSettings
from contracts.artifacts import MODEL_PROBE_FILE, REFUSAL_REASON

# The output and the execution properties.
BLESSING_KEY: Final = "infra_blessing"
SETTINGS_KEY: Final = "settings"
CONTRACT_KEY: Final = "contract"
HIDES_RATED_KEY: Final = "hides_rated"
CODE_FINGERPRINT_KEY: Final = "code_fingerprint"

# Custom properties: what the Pusher reads of an InfraBlessing, and what the console shows.
BLESSED_PROPERTY: Final = "blessed"
SUMMARY_PROPERTY: Final = "summary"

# The files that show the verdict; those of the stock InfraValidator.
_MARKS: Final = {True: "INFRA_BLESSED", False: "INFRA_NOT_BLESSED"}


class ModelProbeExecutor(base_executor.BaseExecutor):
    """Writes the record. A model that is refused is a result, as it is for the Evaluator, and no error."""

    def Do(  # noqa: N802 - the base class's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Probes the model.

        Args:
          input_dict: the model and the data, by the names in `probe_data`.
          output_dict: `infra_blessing`, the artifact to fill.
          exec_properties: those of `ModelProbe`.
        """
        settings = ModelProbeSettings.model_validate_json(exec_properties[SETTINGS_KEY])
        blessing = artifact_utils.get_single_instance(output_dict[BLESSING_KEY])
        with (
            tempfile.TemporaryDirectory() as folder,
            ProbedProcess(settings.timeout_seconds, settings.max_memory_mb) as process,
        ):
            # TensorFlow loads there while the data is read here.
            data = read_probe_data(input_dict)
            checks = probe(
                process,
                _local_model(artifact_utils.get_single_instance(input_dict[MODEL]), folder),
                contract_of(json.loads(exec_properties[CONTRACT_KEY])),
                data,
                settings,
                hides_rated=bool(exec_properties[HIDES_RATED_KEY]),
            )
        record = ProbeRecord(checks)
        io_utils.write_string_file(posixpath.join(blessing.uri, MODEL_PROBE_FILE), record.to_json())
        io_utils.write_string_file(posixpath.join(blessing.uri, _MARKS[record.blessed]), "")
        blessing.set_int_custom_property(BLESSED_PROPERTY, int(record.blessed))
        blessing.set_string_custom_property(SUMMARY_PROPERTY, record.summary())
        blessing.set_string_custom_property(REFUSAL_REASON, record.reason())


def _local_model(model: types.Artifact, folder: str) -> str:
    path: str = path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
    if "://" in path:
        # What loading takes must not depend on a network.
        io_utils.copy_dir(path, folder)
        return folder
    return path
