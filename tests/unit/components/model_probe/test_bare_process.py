"""What the process of the probe refuses to import."""

import runpy
from pathlib import Path

import pytest

from components.model_probe import probed_process
from pipeline.fingerprint import ROOMS

SCRIPT = Path(probed_process.__file__).with_name("bare_process.py")


@pytest.mark.parametrize("room", [*ROOMS, "local_runner", "kubeflow_runner"])
def test_our_code_is_not_there(room: str) -> None:
    refusal = runpy.run_path(str(SCRIPT))["Refusal"]()
    with pytest.raises(ModuleNotFoundError, match=room):
        refusal.find_spec(f"{room}.part")
    assert refusal.find_spec("tensorflow") is None
