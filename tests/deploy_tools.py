"""The programs and types that check the files of `deploy/`, which `tests/fetch_deploy_tools.sh` fetches."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".cache" / "deploy-tools"
_PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float)}


def tool(name: str) -> str:
    """The path of a program."""
    found = shutil.which(name, path=str(TOOLS)) or shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}: tests/fetch_deploy_tools.sh fetches it")
    return found


def rendered(folder: Path) -> list[dict[str, Any]]:
    """The objects of a kustomization, as `kubectl apply --kustomize` sends them."""
    kubectl = shutil.which("kubectl")
    command = [kubectl, "kustomize"] if kubectl else [tool("kustomize"), "build"]
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def kserve_problems(value: Any, of_type: str, at: str = "") -> list[str]:
    """What an object does not keep to, by the types that KServe's own client is generated with.

    Args:
      value: the object.
      of_type: name of the type, such as `V1beta1InferenceService`.
      at: its place in the whole object.
    """
    if of_type.startswith("list["):
        if not isinstance(value, list):
            return [f"{at}: is not a list"]
        inner = of_type.removeprefix("list[").removesuffix("]")
        return [problem for each in value for problem in kserve_problems(each, inner, at)]
    if of_type in _PLAIN:
        plain = _PLAIN[of_type]
        fits = isinstance(value, plain) and isinstance(value, bool) == (of_type == "bool")  # type: ignore[arg-type]
        return [] if fits else [f"{at}: {value!r} is not of type {of_type}"]
    types = _kserve_types(of_type)
    if types is None:  # A type of Kubernetes.
        return []
    if not isinstance(value, dict):
        return [f"{at}: is not an object"]
    problems = [f"{at}.{name}: is not known" for name in value if name not in types]
    for name, inner in value.items():
        if name in types:
            problems += kserve_problems(inner, types[name], f"{at}.{name}")
    return problems


def _kserve_types(of_type: str) -> dict[str, str] | None:
    """The types of an object's fields, None if it is not one of KServe's."""
    folders = sorted(TOOLS.glob("kserve-*"))
    if not folders:
        pytest.skip("needs the types of KServe's API: tests/fetch_deploy_tools.sh fetches them")
    for path in folders[-1].glob("v1beta1_*.py"):
        if path.stem.replace("_", "") == of_type.lower():
            return _fields(ast.parse(path.read_text(encoding="utf-8")))
    return None


def _fields(module: ast.Module) -> dict[str, str]:
    """`openapi_types` by the names of `attribute_map`."""
    tables = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("openapi_types", "attribute_map")
    }
    return {tables["attribute_map"][name]: kind for name, kind in tables["openapi_types"].items()}
