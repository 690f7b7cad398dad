"""The entry points: what the two runners import, and what libraries print on a user's console."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {path.parent.name for path in ROOT.glob("*/__init__.py")}


@pytest.mark.parametrize("entry_point", ["local_runner.py", "kubeflow_runner.py"])
def test_entry_point_imports_no_package_but_pipeline(entry_point: str) -> None:
    tree = ast.parse((ROOT / entry_point).read_text(encoding="utf-8"))

    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])

    assert imported & PACKAGES <= {"pipeline"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "local_runner.py",
        "kubeflow_runner.py",
        "-m pipeline",
        "-m reports",
        "-m serving",
        "-m movielens",
        "-m studies",
        "-m benchmarks",
        "-m benchmarks.serving",
        # It imports TensorFlow and gRPC's services before it reads its flags.
        "-m serving.model_server",
    ],
)
def test_a_command_prints_nothing_of_its_libraries(command: str) -> None:
    done = subprocess.run(
        [sys.executable, *command.split(), "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0
    assert done.stderr == ""
    assert "usage:" in done.stdout.lower()
