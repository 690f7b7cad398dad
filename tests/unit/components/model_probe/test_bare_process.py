"""What the process of the probe refuses to import."""

import runpy
from pathlib import Path

import pytest

from components.model_probe import probed_process
from pipeline.fingerprint import PACKAGES

SCRIPT = Path(probed_process.__file__).with_name("bare_process.py")


@pytest.mark.parametrize("package", [*PACKAGES, "local_runner", "kubeflow_runner"])
def test_our_code_is_not_there(package: str) -> None:
    refusal = runpy.run_path(str(SCRIPT))["Refusal"]()
    with pytest.raises(ModuleNotFoundError, match=package):
        refusal.find_spec(f"{package}.part")
    assert refusal.find_spec("tensorflow") is None
