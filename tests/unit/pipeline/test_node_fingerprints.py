"""Which nodes of the real pipeline run again after an edit of the real code: those that import it.

A node runs again if one of its execution properties differs (they hold the fingerprint of its code and its
settings), and so does what reads its outputs.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from pipeline.fingerprint import PACKAGES, PROJECT

pytestmark = pytest.mark.slow

# Prints the execution properties of each node, by its id.
DUMP: Final = """
import json, sys
from pipeline.config import load_config
from pipeline.pipeline import create_pipeline
config = load_config(None, ["data_dir=/data/ml-100k", *sys.argv[1:]])
nodes = create_pipeline(config).components
print("\\n" + json.dumps({node.id: str(sorted(node.exec_properties.items())) for node in nodes}))
"""


def properties(project: Path, *overrides: str) -> dict[str, str]:
    """The execution properties of the nodes, as a fresh process computes them from the code in `project`."""
    done = subprocess.run(
        [sys.executable, "-c", DUMP, *overrides], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


@pytest.fixture(scope="module")
def original() -> dict[str, str]:
    return properties(PROJECT)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the code that may be edited."""
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_copy_has_the_fingerprints_of_the_original(original: dict[str, str], project: Path) -> None:
    assert properties(project) == original


def test_a_new_metric_name_runs_evaluators_and_what_follows_again(
    original: dict[str, str], project: Path
) -> None:
    with (project / "contracts" / "metrics.py").open("a") as file:
        file.write('\nNOVELTY_AT_10 = "novelty@10"\n')
    again = changed(original, properties(project))
    assert {name for name in again if name.endswith("Evaluator")} == {
        name for name in original if name.endswith("Evaluator")
    }
    assert {name for name in again if not name.endswith(("Evaluator", "Pusher"))} <= {"ReportGen"}


def test_code_and_settings_of_svdpp_run_ranking_alone_again(original: dict[str, str], project: Path) -> None:
    with (project / "trainer_module" / "ranking" / "hyperparameters.py").open("a") as file:
        file.write("\nMOST_SESSIONS = 7\n")
    again = changed(original, properties(project))
    assert "RankingTrainer" in again
    assert again <= {"RankingTrainer", "Pusher", "ReportGen"}


def test_a_value_of_ranking_runs_ranking_alone_again(original: dict[str, str]) -> None:
    again = changed(original, properties(PROJECT, "ranking.l2_factors=0.2"))
    # The report shows all settings.
    assert again == {"RankingTrainer", "ReportGen"}


def test_a_template_runs_the_report_alone_again(original: dict[str, str], project: Path) -> None:
    with (project / "reports" / "templates" / "page.html").open("a") as file:
        file.write("<!-- more -->\n")
    assert changed(original, properties(project)) == {"ReportGen"}
