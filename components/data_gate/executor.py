"""The work of `DataGate`: reads, counts, judges, and keeps the record of the decision."""

import json
import posixpath
from typing import Any, Final

from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils

from components.data_gate.accepted import AcceptedData
from components.data_gate.anomalies import unknown_anomalies
from components.data_gate.catalogue import CatalogueFacts, count_catalogue
from components.data_gate.gated_data import GatedData, Inputs, schema_path, split_folder
from components.data_gate.judgement import Baseline, judge
from components.data_gate.record import DataGateError, GateRecord
from components.data_gate.settings import DataGateSettings
from contracts.artifacts import DATA_GATE_FILE, DISTRIBUTIONS_FILE
from contracts.features import EVAL_SPLIT, MOVIES, MOVIES_SPLIT, RATINGS, TRAIN_SPLIT
from distances.measure import compared_features, to_json

# Outputs and execution properties.
RESULT_KEY: Final = "gate_result"
SETTINGS_KEY: Final = "settings"
STORE_KEY: Final = "accepted_data"
SPLIT_RULE_KEY: Final = "split_rule"
CODE_FINGERPRINT_KEY: Final = "code_fingerprint"
BASELINE_KEY: Final = "baseline"

# The custom property that the console shows.
SUMMARY_PROPERTY: Final = "summary"

_FACTS_FILE: Final = "catalogue.json"


class DataGateExecutor(base_beam_executor.BaseBeamExecutor):
    """Writes the record and the schema, and stores accepted data; raises where a check fails."""

    def Do(  # noqa: N802 - the base class's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Judges the data.

        Args:
          input_dict: Examples, statistics, anomalies and schemas of both tables.
          output_dict: `gate_result` and `schema`, the artifacts to fill.
          exec_properties: those of `DataGate`.

        Raises:
          DataGateError: a check failed; the message names features, values, thresholds and the record, which
            is kept beside the artifact, because TFX removes the folder of one that failed.
        """
        settings = DataGateSettings.model_validate_json(exec_properties[SETTINGS_KEY])
        if unknown := unknown_anomalies(settings):
            raise DataGateError(
                f"data_gate.allow: {', '.join(unknown)} is not an anomaly type; take the name from the "
                "of a refusal, for example ENUM_TYPE_UNEXPECTED_STRING_VALUES"
            )
        result = artifact_utils.get_single_instance(output_dict[RESULT_KEY])
        store = accepted_data(exec_properties)
        data = GatedData.read(input_dict)
        facts = self._count(input_dict, data, posixpath.join(result.uri, _FACTS_FILE))
        baseline = _baseline(store, data.digest)
        checks = judge(data, facts, baseline, settings, exec_properties[SPLIT_RULE_KEY])
        record = GateRecord(store, data.digest, baseline, checks)

        kept_at = f"{result.uri.rstrip('/')}.{DATA_GATE_FILE}"
        if record.failed:
            io_utils.write_string_file(kept_at, record.to_json())
            raise DataGateError(record.refusal(kept_at))
        for name, text in (
            (DATA_GATE_FILE, record.to_json()),
            (DISTRIBUTIONS_FILE, to_json(facts.distributions)),
        ):
            io_utils.write_string_file(posixpath.join(result.uri, name), text)
        result.set_string_custom_property(SUMMARY_PROPERTY, record.summary())
        schema = artifact_utils.get_single_uri(output_dict[standard_component_specs.SCHEMA_KEY])
        source = schema_path(input_dict, RATINGS)
        fileio.copy(source, posixpath.join(schema, posixpath.basename(source)), overwrite=True)
        store.accept(
            data.digest,
            data.volume,
            {
                (table, split): statistics
                for table, found in data.tables.items()
                for split, statistics in found.statistics.items()
                if split != EVAL_SPLIT
            },
            self._context.pipeline_run_id or "",
            {name: facts.distributions[name] for name in (TRAIN_SPLIT, MOVIES)},
        )

    def _count(self, inputs: Inputs, data: GatedData, path: str) -> CatalogueFacts:
        folders = {
            TRAIN_SPLIT: split_folder(inputs, RATINGS, TRAIN_SPLIT),
            EVAL_SPLIT: split_folder(inputs, RATINGS, EVAL_SPLIT),
            MOVIES: split_folder(inputs, MOVIES, MOVIES_SPLIT),
        }
        of_ratings = compared_features(data.tables[RATINGS].schema)
        features = {
            TRAIN_SPLIT: of_ratings,
            EVAL_SPLIT: of_ratings,
            MOVIES: compared_features(data.tables[MOVIES].schema),
        }
        fileio.makedirs(posixpath.dirname(path))
        with self._make_beam_pipeline() as pipeline:
            count_catalogue(pipeline, folders, path, features)
        facts = CatalogueFacts.read(path)
        fileio.remove(path)
        return facts


def accepted_data(exec_properties: dict[str, Any]) -> AcceptedData:
    """The store that the execution properties name."""
    return AcceptedData(**json.loads(exec_properties[STORE_KEY]))


def _baseline(store: AcceptedData, data: str) -> Baseline:
    entry, review = store.baseline(data), store.review(data)
    what = f"series {store.series}, split {store.split}"
    if entry is not None:
        note = f"compared with run {entry.about.get('run') or 'unknown'} of {what}, {entry.about['at']}"
    else:
        note = f"NOT COMPARED with any run: {what} does not have an accepted run on other data"
        if others := store.other_series():
            note += (
                f"; there is {', '.join(others)}, and runs with one data_gate.series and split are compared"
            )
    return Baseline(entry, review, note)
