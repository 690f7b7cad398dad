"""Brings what a candidate is compared with into the cache key."""

from tfx.dsl.components.base import base_driver
from tfx.orchestration import metadata
from tfx.orchestration.portable import base_driver as portable_base_driver
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import driver_output_pb2

from components.served_model.executor import BASELINE_KEY, chosen


class ServedModelDriver(base_driver.BaseDriver, portable_base_driver.BaseDriver):
    """Sets the execution property `baseline` before TFX looks into its cache.

    It is the digest of the files that the candidate is compared with, so a rollback or another push makes
    the comparison anew, and the candidate's own push does not. Kubeflow runs no drivers; there the node is
    never cached.
    """

    def __init__(self, metadata_handle: metadata.Metadata) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_base_driver.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Returns the property."""
        output = driver_output_pb2.DriverOutput()
        choice = chosen(execution_info.input_dict, execution_info.exec_properties)
        output.exec_properties[BASELINE_KEY].string_value = choice.key
        return output
