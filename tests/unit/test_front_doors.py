"""The import rule of the two runners, which are modules and so out of import-linter's sight."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {path.parent.name for path in ROOT.glob("*/__init__.py")}


@pytest.mark.parametrize("front_door", ["local_runner.py", "kubeflow_runner.py"])
def test_front_door_imports_no_room_but_pipeline(front_door: str) -> None:
    tree = ast.parse((ROOT / front_door).read_text(encoding="utf-8"))

    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])

    assert imported & ROOMS <= {"pipeline"}
