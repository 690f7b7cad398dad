"""`DataGate`: stops the run before anything is fitted on data that it should not be fitted on."""

import json
from dataclasses import asdict

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components.data_gate.accepted import AcceptedData
from components.data_gate.artifact import DataGateResult
from components.data_gate.driver import DataGateDriver
from components.data_gate.executor import (
    BASELINE_KEY,
    CODE_FINGERPRINT_KEY,
    RESULT_KEY,
    SETTINGS_KEY,
    SPLIT_RULE_KEY,
    STORE_KEY,
    DataGateExecutor,
)
from components.data_gate.gated_data import ANOMALIES, SCHEMAS, STATISTICS
from components.data_gate.settings import DataGateSettings
from contracts.features import MOVIES, RATINGS


def _channel(artifact_type: type[types.Artifact]) -> component_spec.ChannelParameter:
    return component_spec.ChannelParameter(type=artifact_type)


class DataGateSpec(component_spec.ComponentSpec):
    """Everything that is known of both tables in, the record and a schema to go on with out."""

    PARAMETERS = {
        name: component_spec.ExecutionParameter(type=str)
        for name in (SETTINGS_KEY, STORE_KEY, SPLIT_RULE_KEY, CODE_FINGERPRINT_KEY, BASELINE_KEY)
    }
    INPUTS = {
        RATINGS: _channel(standard_artifacts.Examples),
        MOVIES: _channel(standard_artifacts.Examples),
        **{key: _channel(standard_artifacts.ExampleStatistics) for key in STATISTICS.values()},
        **{key: _channel(standard_artifacts.ExampleAnomalies) for key in ANOMALIES.values()},
        **{key: _channel(standard_artifacts.Schema) for key in SCHEMAS.values()},
    }
    OUTPUTS = {
        RESULT_KEY: _channel(DataGateResult),
        standard_component_specs.SCHEMA_KEY: _channel(standard_artifacts.Schema),
    }


class DataGate(base_component.BaseComponent):
    """Passes data or fails the run, and stores what passed.

    Anomalies, missing values, spread and volume of the data, the catalogue, and the skew between the train
    and the eval split are held against absolute thresholds; drift, time and volume also against the last
    accepted run. That run is looked up in a folder below the output root, which is there on every
    orchestrator.

    Component `outputs` contains:
     - `schema`: the curated schema of the ratings, given out only when the data passed. Whoever reads the
       schema from here cannot run on data that did not.
     - `gate_result`: `DataGateResult`, the record. After a refusal it is beside the artifact's folder.

    Args:
      ratings: `ratings` Examples.
      movies: `movies` Examples.
      statistics: by table, of StatisticsGen.
      anomalies: by table, of ExampleValidator.
      schemas: by table, the curated ones.
      settings: the thresholds.
      accepted_data: where accepted data is remembered, and under which names.
      split_rule: `split` of the ExampleGen settings.
      code_fingerprint: digest of the source of the gate, so that a change of code misses the cache.
    """

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(DataGateExecutor)
    DRIVER_CLASS = DataGateDriver

    def __init__(
        self,
        ratings: types.BaseChannel,
        movies: types.BaseChannel,
        statistics: dict[str, types.BaseChannel],
        anomalies: dict[str, types.BaseChannel],
        schemas: dict[str, types.BaseChannel],
        settings: DataGateSettings,
        accepted_data: AcceptedData,
        split_rule: str,
        code_fingerprint: str = "",
    ) -> None:
        channels = {
            RATINGS: ratings,
            MOVIES: movies,
            **{STATISTICS[table]: channel for table, channel in statistics.items()},
            **{ANOMALIES[table]: channel for table, channel in anomalies.items()},
            **{SCHEMAS[table]: channel for table, channel in schemas.items()},
        }
        parameters = {
            SETTINGS_KEY: settings.model_dump_json(),
            STORE_KEY: json.dumps(asdict(accepted_data)),
            SPLIT_RULE_KEY: split_rule,
            CODE_FINGERPRINT_KEY: code_fingerprint,
            BASELINE_KEY: "",  # The driver's to fill in.
        }
        outputs = {
            RESULT_KEY: types.Channel(type=DataGateResult),
            standard_component_specs.SCHEMA_KEY: types.Channel(type=standard_artifacts.Schema),
        }
        super().__init__(spec=DataGateSpec(**channels, **parameters, **outputs))
