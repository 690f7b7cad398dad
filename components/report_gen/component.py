"""`ReportGen`: reads what the other nodes of a run gave out and writes the report of the run."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_node, executor_spec
from tfx.types import channel_utils, component_spec
from tfx.types.experimental import simple_artifacts

from components.report_gen.executor import CODE_FINGERPRINT_KEY, OUTPUT_FOLDER_KEY, ReportGenExecutor
from components.report_gen.run_of_artifacts import REPORTED_CHANNELS, input_key
from reports.reading.run_data import ABOUT, FINAL_STATUS, REPORT


class _ReportGenSpec(component_spec.ComponentSpec):
    """What every spec of a `ReportGen` has; `INPUTS` are those of the pipeline."""

    PARAMETERS = {
        name: component_spec.ExecutionParameter(type=str)
        for name in (ABOUT, FINAL_STATUS, OUTPUT_FOLDER_KEY, CODE_FINGERPRINT_KEY)
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}
    OUTPUTS = {REPORT: component_spec.ChannelParameter(type=simple_artifacts.File)}


class ReportGen(base_component.BaseComponent):
    """Builds the report of a run from whatever the run has brought forth.

    Every input is optional, so the node can run where another one has failed. Whoever runs the pipeline then
    fills in the execution property `final_status`: `local_dag` here, and the back end where the node
    is an exit handler on Kubeflow.

    Component `outputs` contains:
     - `report`: the page and its metrics as JSON, under the names of `reports.page`. Its type is a stock one,
       because Kubeflow cannot bring artifacts of any other type to a node.

    Args:
      nodes: all other nodes of the pipeline. Each of their outputs on one of `REPORTED_CHANNELS` is an input.
      config: the settings of the pipeline, as plain values.
      output_folder: root folder of the runs, where ML Metadata holds seconds, cache hits and lineage; None
        where a node cannot read it, and the report then does without.
      exit_handler: the node is a Kubeflow exit handler. It cannot have inputs, looks for the artifacts in the
        folder of the run, and reports on runs that failed alone.
      code_fingerprint: digest of the source of the report, so that a change of code misses the cache.
    """

    SPEC_CLASS = _ReportGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ReportGenExecutor)

    def __init__(
        self,
        nodes: Sequence[base_node.BaseNode],
        config: Mapping[str, Any],
        *,
        output_folder: str | None = None,
        exit_handler: bool = False,
        code_fingerprint: str = "",
    ) -> None:
        inputs = {
            input_key(node.id, channel): node.outputs[channel]
            for node in nodes
            for channel in REPORTED_CHANNELS
            if channel in node.outputs and not exit_handler
        }
        parameters = {
            ABOUT: json.dumps(
                {
                    "config": config,
                    "nodes": [node.id for node in nodes],
                    "planned": {node.id: _planned_inputs(node) for node in nodes},
                }
            ),
            FINAL_STATUS: _filled_in_by_kubeflow() if exit_handler else "",
            OUTPUT_FOLDER_KEY: output_folder or "",
            CODE_FINGERPRINT_KEY: code_fingerprint,
        }
        report = {REPORT: types.Channel(type=simple_artifacts.File)}
        super().__init__(spec=_spec_class(inputs)(**inputs, **parameters, **report))


def _planned_inputs(node: base_node.BaseNode) -> list[str]:
    """The nodes whose outputs the node takes."""
    channels = (
        channel for given in node.inputs.values() for channel in channel_utils.get_individual_channels(given)
    )
    return sorted({channel.producer_component_id for channel in channels if channel.producer_component_id})


def _filled_in_by_kubeflow() -> str:
    # Takes seconds to import, which a local run need not wait for.
    from tfx.orchestration.kubeflow.decorators import FinalStatusStr

    status: str = FinalStatusStr()
    return status


def _spec_class(inputs: Mapping[str, types.BaseChannel]) -> type[_ReportGenSpec]:
    parameters = {
        key: component_spec.ChannelParameter(type=channel.type, optional=True)
        for key, channel in inputs.items()
    }
    return type("ReportGenSpec", (_ReportGenSpec,), {"INPUTS": parameters})
