"""Message classes of TensorFlow Serving's API, without TensorFlow.

They are made from `tensorflow_serving.binpb`, a FileDescriptorSet of the published protos (`make protos`
writes it), in a descriptor pool of their own. So any protobuf from 3.20 on can make them, and they live
beside TensorFlow's classes in one process: the default pool would refuse a second `tensor.proto`.
"""

from pathlib import Path
from typing import Any, Final

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor_pool import DescriptorPool

DESCRIPTORS: Final = Path(__file__).with_name("tensorflow_serving.binpb")


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL: Final = _pool()


def _message_class(name: str) -> Any:
    descriptor = _POOL.FindMessageTypeByName(name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(_POOL).GetPrototype(descriptor)  # protobuf before 4.22


TensorProto: Final = _message_class("tensorflow.TensorProto")
DataType: Final = _POOL.FindEnumTypeByName("tensorflow.DataType")

Example: Final = _message_class("tensorflow.Example")
PredictRequest: Final = _message_class("tensorflow.serving.PredictRequest")
PredictResponse: Final = _message_class("tensorflow.serving.PredictResponse")
GetModelMetadataRequest: Final = _message_class("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse: Final = _message_class("tensorflow.serving.GetModelMetadataResponse")
SignatureDefMap: Final = _message_class("tensorflow.serving.SignatureDefMap")
GetModelStatusRequest: Final = _message_class("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse: Final = _message_class("tensorflow.serving.GetModelStatusResponse")
