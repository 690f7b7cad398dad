"""Brings what was accepted before into the cache key of the gate."""

from tfx.dsl.components.base import base_driver
from tfx.orchestration import metadata
from tfx.orchestration.portable import base_driver as portable_base_driver
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import driver_output_pb2

from components.data_gate.executor import BASELINE_KEY, accepted_data
from components.data_gate.gated_data import data_digest


class DataGateDriver(base_driver.BaseDriver, portable_base_driver.BaseDriver):
    """Sets the execution property `baseline` before TFX looks into its cache.

    It names what today's data would be compared with, so a decision is reused for as long as the gate would
    compare the same two sets of data, and made again when other data was accepted in between. Kubeflow runs
    no drivers; there the node is never cached.
    """

    def __init__(self, metadata_handle: metadata.Metadata) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_base_driver.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Returns the property."""
        output = driver_output_pb2.DriverOutput()
        store = accepted_data(execution_info.exec_properties)
        found = store.fingerprint(data_digest(execution_info.input_dict))
        output.exec_properties[BASELINE_KEY].string_value = found
        return output
