"""`deploy/Dockerfile` fits the project and what the compiled pipeline starts. No image is built here."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [
    line
    for line in re.sub(r"\\\n", " ", DOCKERFILE).splitlines()
    if line.strip() and not line.startswith("#")
]


def copied() -> list[str]:
    """The paths of the project that go into the image."""
    return [
        source
        for line in INSTRUCTIONS
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    ]


def test_everything_that_is_copied_is_there_and_let_through() -> None:
    ignore = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in ignore if line.startswith("!")]
    assert "*" in ignore
    for source in copied():
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source, pattern) for pattern in allowed), source
    assert sorted(allowed) == sorted(copied())


def test_every_room_that_a_node_needs_is_in_the_image() -> None:
    packages = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
    graph = grimp.build_graph(*packages, cache_dir=None)
    # Executors come in by their components, what Transform and the trainers run by name alone.
    named = [name for name in graph.modules if name.startswith("trainer_module.")]
    needed = {"pipeline.pipeline", *named}
    needed |= {upstream for name in needed for upstream in graph.find_upstream_modules(name)}
    assert {name.partition(".")[0] for name in needed} == set(copied()) & set(packages)


def test_the_image_has_the_python_of_its_lock_file() -> None:
    images = {line.split()[1] for line in INSTRUCTIONS if line.startswith("FROM ")}
    assert images == {"python:3.10-slim"}
    assert "requirements/tfx-1.16.txt" in copied()


@pytest.mark.slow
def test_it_starts_what_the_compiled_pipeline_starts() -> None:
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

    (entrypoint,) = [line for line in INSTRUCTIONS if line.startswith("ENTRYPOINT ")]
    assert tuple(json.loads(entrypoint.partition(" ")[2])) == kubeflow_v2_dag_runner.KUBEFLOW_TFX_CMD


def test_it_lacks_no_package_that_a_node_imports_at_run_time() -> None:
    locked = (ROOT / "requirements" / "tfx-1.16.txt").read_text(encoding="utf-8")
    # TFX's entry point of a container reads its arguments with the protocol buffers of kfp.
    assert re.search(r"^kfp-pipeline-spec==", locked, re.MULTILINE)
