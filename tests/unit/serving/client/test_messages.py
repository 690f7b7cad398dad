"""The messages that the client carries are those of TensorFlow Serving."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from serving.client import messages

PROJECT = Path(__file__).resolve().parents[4]


@pytest.mark.slow
def test_every_field_is_that_of_the_installed_tensorflow_serving_api() -> None:
    from google.protobuf import descriptor_pb2

    from serving.make_protos import descriptor_set

    ours = descriptor_pb2.FileDescriptorSet.FromString(messages.DESCRIPTORS.read_bytes())
    theirs = _fields(descriptor_set())
    unlike = {name: field for name, field in _fields(ours).items() if theirs.get(name) != field}

    assert "tensorflow.serving.PredictRequest.inputs" in theirs
    assert unlike == {}


def test_the_client_imports_neither_tensorflow_nor_the_rest_of_the_project() -> None:
    code = "import sys, serving.client; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    imported = set(done.stdout.split())

    assert {"contracts", "grpc", "numpy", "serving"} <= imported
    assert not imported & {"tensorflow", "tfx", "absl", "apache_beam", "pandas", "rich", "trainer_module"}


def _fields(protos: Any) -> dict[str, tuple[Any, ...]]:
    """Number, type and label of each field by full name."""
    found: dict[str, tuple[Any, ...]] = {}

    def add(scope: str, message: Any) -> None:
        name = f"{scope}.{message.name}"
        for field in message.field:
            found[f"{name}.{field.name}"] = (field.number, field.type, field.label, field.type_name)
        for nested in message.nested_type:
            add(name, nested)

    for file in protos.file:
        for message in file.message_type:
            add(file.package, message)
    return found
