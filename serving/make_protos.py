"""Writes the client's messages from the published protos: `make protos`.

The client has to work where TensorFlow is not installed, and TensorFlow Serving's own Python messages
import TensorFlow. So their descriptors are kept as a FileDescriptorSet, from which
`serving.client.messages` makes message classes with whatever protobuf is there. This module takes them
from the tensorflow-serving-api and TensorFlow of the lock file.
"""

import sys
from pathlib import Path
from typing import Final

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor

# Not imported from the client, which cannot be imported while the file is missing.
DESCRIPTOR_FILE: Final = Path(__file__).with_name("client") / "tensorflow_serving.binpb"


def descriptor_set() -> descriptor_pb2.FileDescriptorSet:
    """The protos of Examples and of the client's calls with all that they import, dependencies first."""
    from tensorflow.core.example import example_pb2
    from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

    files: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def add(file: FileDescriptor) -> None:
        if file.name in files:
            return
        for imported in file.dependencies:
            add(imported)
        files[file.name] = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(files[file.name])

    for module in (example_pb2, predict_pb2, get_model_metadata_pb2, get_model_status_pb2):
        add(module.DESCRIPTOR)
    return descriptor_pb2.FileDescriptorSet(file=files.values())


def main() -> int:
    """Writes the file and prints what is in it."""
    protos = descriptor_set()
    written = protos.SerializeToString(deterministic=True)
    DESCRIPTOR_FILE.write_bytes(written)
    print(f"{DESCRIPTOR_FILE}: {len(protos.file)} protos, {len(written):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
