"""The import rule of the two runners, which are modules and so out of import-linter's sight."""

import ast
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
