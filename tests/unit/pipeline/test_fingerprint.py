"""Which edits change the fingerprint of which node's code, on a small copy of the packages."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import fingerprint
from pipeline.fingerprint import source_fingerprint

TREE = {
    "README.md": "Hello.\n",
    "trainer_module/__init__.py": "",
    "trainer_module/retrieval/__init__.py": "",
    "contracts/__init__.py": "",
    "contracts/features.py": '"""Names."""\nUSER = "user"\n',
    "trainer_module/retrieval/towers.py": "from contracts import features\nUNITS = 32\n",
    "trainer_module/preprocessing.py": "from contracts.features import USER\n",
    "trainer_module/retrieval/run_fn.py": (
        '"""Two towers."""\n'
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    from components.gate import executor\n"
        "def run_fn(fn_args):\n"
        '    """Fits."""\n'
        "    from trainer_module.retrieval.towers import UNITS  # late\n"
        "    return UNITS\n"
    ),
    "components/__init__.py": "",
    "components/gate/__init__.py": "",
    "components/gate/executor.py": "import contracts.features\n",
}
RETRIEVAL = "trainer_module.retrieval.run_fn.run_fn"
PREPROCESSING = "trainer_module.preprocessing.preprocessing_fn"
GATE = "components.gate.executor"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, source in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "__init__.py").touch()
    shutil.copy(fingerprint.__file__, tmp_path / "pipeline")
    return tmp_path


def fingerprints(project: Path) -> dict[str, str]:
    """The fingerprints that a fresh process computes in `project`."""
    code = (
        "import json; from pipeline.fingerprint import source_fingerprint as f;"
        f"print(json.dumps({{name: f(name) for name in {[RETRIEVAL, PREPROCESSING, GATE]}}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True
    )
    result: dict[str, str] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize(
    ("edited", "line", "stale"),
    [
        ("trainer_module/retrieval/run_fn.py", "EPOCHS = 3\n", {RETRIEVAL}),
        ("trainer_module/retrieval/towers.py", "DEPTH = 2\n", {RETRIEVAL}),
        ("trainer_module/preprocessing.py", "BUCKETS = 7\n", {PREPROCESSING}),
        ("contracts/features.py", 'MOVIE = "movie"\n', {RETRIEVAL, PREPROCESSING, GATE}),
        ("trainer_module/__init__.py", "import os\n", {RETRIEVAL, PREPROCESSING}),
        ("components/gate/__init__.py", "import os\n", {GATE}),
        ("components/gate/executor.py", "LIMIT = 1\n", {GATE}),
        ("trainer_module/retrieval/towers.py", "# why 32\n\n", set()),
        ("trainer_module/unused.py", "import contracts.features\n", set()),
        ("README.md", "More.\n", set()),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_edit_makes_stale_what_imports_it_and_nothing_else(
    project: Path, edited: str, line: str, stale: set[str]
) -> None:
    before = fingerprints(project)
    with (project / edited).open("a") as file:
        file.write(line)
    after = fingerprints(project)
    assert {name for name in before if before[name] != after[name]} == stale


def test_docstrings_do_not_count_and_other_strings_do(project: Path) -> None:
    before = fingerprints(project)
    retrieval = project / "trainer_module" / "retrieval" / "run_fn.py"
    retrieval.write_text(
        TREE["trainer_module/retrieval/run_fn.py"].replace("Fits.", "Trains.").replace("Two", "2")
    )
    assert fingerprints(project) == before
    features = project / "contracts" / "features.py"
    features.write_text(features.read_text().replace('"user"', '"user_id"'))
    assert fingerprints(project)[RETRIEVAL] != before[RETRIEVAL]


def test_nothing_is_written_beside_the_sources(project: Path) -> None:
    fingerprints(project)
    written = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    assert {name for name in written if "__pycache__" not in name} == {
        *TREE,
        "pipeline/__init__.py",
        "pipeline/fingerprint.py",
    }


def test_a_function_has_the_fingerprint_of_its_module() -> None:
    assert source_fingerprint("trainer_module.preprocessing.preprocessing_fn") == source_fingerprint(
        "trainer_module.preprocessing"
    )


@pytest.mark.parametrize("name", ["trainer_module.no_such.run_fn", "os.path", "retrieval", ""])
def test_a_name_that_is_not_ours_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="names neither a module"):
        source_fingerprint(name)
