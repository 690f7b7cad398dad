"""An edit re-runs what depends on it and nothing else, seen on an edited copy of the project."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.pipeline_run import SMALL_SAMPLE, PipelineRun, run_pipeline

pytestmark = pytest.mark.slow

RANKING = {"RankingTrainer", "RankingServedModel", "RankingEvaluator", "RankingProbe", "Pusher"}
RETRIEVAL = {*("RetrievalTrainer", "RetrievalServedModel", "RetrievalEvaluator", "RetrievalProbe", "Pusher")}
RECOMMENDER = {
    "RecommenderComposer",
    "RecommenderServedModel",
    "RecommenderEvaluator",
    "RecommenderProbe",
    "Pusher",
}
MODELS = RANKING | RETRIEVAL | RECOMMENDER
PUSHERS = {"Pusher"}
PROBES = {"RankingProbe", "RetrievalProbe", "RecommenderProbe"}
EVALUATORS = {"RankingEvaluator", "RetrievalEvaluator", "RecommenderEvaluator"}
TRAINERS = {"RankingTrainer", "RetrievalTrainer"}
# The final order is in the ranking model too, so a new retrieval model makes it another one.
AFTER_RETRIEVAL = MODELS - {"RankingTrainer"}
# It reads what all others gave out.
REPORT = {"ReportGen"}
RATINGS = {"RatingsStatistics", "RatingsSchemaGen", "RatingsValidator"}
MOVIES = {"MoviesStatistics", "MoviesSchemaGen", "MoviesValidator"}

# By node: what goes into its cache key, and the nodes that it reads from.
NodeKeys: TypeAlias = dict[str, tuple[str, list[str]]]

# Where, what is added to the end, and which nodes then have to run again.
EDITS: Mapping[str, tuple[str, str, set[str]]] = {
    "README": ("README.md", "One more line.\n", set()),
    "comment": ("trainer_module/retrieval/towers.py", "# One more line.\n", set()),
    "entry point": ("local_runner.py", "EDITED = 1\n", set()),
    "console": ("pipeline/local_run/console.py", "EDITED = 1\n", set()),
    "ranking": ("trainer_module/ranking/run_fn.py", "EDITED = 1\n", RANKING | RECOMMENDER),
    "ranking signatures": ("trainer_module/ranking/signatures.py", "EDITED = 1\n", RANKING | RECOMMENDER),
    "interactions": ("trainer_module/ranking/interactions.py", "EDITED = 1\n", RANKING | RECOMMENDER),
    "retrieval": ("trainer_module/retrieval/run_fn.py", "EDITED = 1\n", AFTER_RETRIEVAL),
    "towers": ("trainer_module/retrieval/towers.py", "EDITED = 1\n", AFTER_RETRIEVAL),
    "setting of SVD++": ("trainer_module/ranking/hyperparameters.py", "EDITED = 1\n", RANKING | RECOMMENDER),
    "embeddings": ("trainer_module/common/embeddings.py", "EDITED = 1\n", MODELS),
    "trainer component": ("components/recommender_trainer/executor.py", "EDITED = 1\n", MODELS),
    "data gate": ("components/data_gate/volume.py", "EDITED = 1\n", {"DataGate", "Transform"} | MODELS),
    "pushing": (
        "components/atomic_pusher/publishing.py",
        "EDITED = 1\n",
        PUSHERS,
    ),
    "probe": ("components/model_probe/answers.py", "EDITED = 1\n", PROBES | PUSHERS),
    "process of the probe": ("components/model_probe/bare_process.py", "EDITED = 1\n", PROBES | PUSHERS),
    "preprocessing": ("trainer_module/preprocessing.py", "EDITED = 1\n", {"Transform"} | MODELS),
    "metrics": (
        "pipeline/evaluation/tfma_metrics.py",
        "EDITED = 1\n",
        PUSHERS | EVALUATORS,
    ),
    "name of a metric": ("contracts/metrics.py", "EDITED = 1\n", PUSHERS | EVALUATORS),
    "cold slices": (
        "pipeline/evaluation/cold_slices.py",
        "EDITED = 1\n",
        PUSHERS | EVALUATORS,
    ),
    "served model": (
        "components/served_model/choice.py",
        "EDITED = 1\n",
        MODELS - PROBES - TRAINERS - {"RecommenderComposer"},
    ),
    "curated schema": (
        "schema/ratings.pbtxt",
        'default_environment: "SERVING"\n',
        {"RatingsSchema", "RatingsValidator", "DataGate", "Transform"} | MODELS,
    ),
    "style sheet": ("reports/templates/report.css", "b { color: red }\n", REPORT),
    "template": ("reports/templates/page.html", "<!-- more -->\n", REPORT),
    "report": ("reports/card/section.py", "EDITED = 1\n", REPORT),
    "readers": (
        "movielens/readers.py",
        "EDITED = 1\n",
        {"RatingsGen", "MoviesGen", "DataGate", "Transform"} | RATINGS | MOVIES | MODELS,
    ),
}

# A setting, and which nodes have to run again with another value.
SETTINGS: Mapping[str, set[str]] = {
    "ranking.l2_factors=0.2": RANKING | RECOMMENDER,
    "retrieval.l2=0.2": AFTER_RETRIEVAL,
}

# Prints the keys before and after each edit and each setting; runs in the project that it edits.
NODE_KEYS = """
import json, pathlib, sys
import pipeline.pipeline
from pipeline.config import load_config
assert pipeline.pipeline.__file__ == str(pathlib.Path.cwd() / "pipeline" / "pipeline.py")

def keys(*settings):
    for cached in vars(pipeline.fingerprint).values():
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()
    dag = pipeline.pipeline.create_pipeline(load_config(None, ["output=/o", "data_dir=/d", *settings]))
    return {node.id: [str(sorted(node.exec_properties.items())), [n.id for n in node.upstream_nodes]]
            for node in dag.components}

edits, settings = json.load(sys.stdin)
found = {"": keys(), **{setting: keys(setting) for setting in settings}}
for name, (file, line) in edits.items():
    path = pathlib.Path(file)
    before = path.read_text() if path.exists() else ""
    path.write_text(before + line)
    found[name] = keys()
    path.write_text(before)
json.dump(found, sys.stdout)
"""


@pytest.fixture
def edited_project(project: Path, tmp_path: Path) -> Path:
    return shutil.copytree(project, tmp_path / "project")


@pytest.fixture(scope="module")
def node_keys(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, NodeKeys]:
    folder = shutil.copytree(project, tmp_path_factory.mktemp("edited") / "project")
    edits = {name: (file, line) for name, (file, line, _) in EDITS.items()}
    done = subprocess.run(
        [sys.executable, "-c", NODE_KEYS],
        cwd=folder,
        input=json.dumps([edits, list(SETTINGS)]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, NodeKeys] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("edit", EDITS)
def test_what_an_edit_makes_stale(edit: str, node_keys: dict[str, NodeKeys]) -> None:
    edited = EDITS[edit][2]
    assert _stale(node_keys[""], node_keys[edit]) == (edited | REPORT if edited else edited)


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_a_setting_makes_stale(setting: str, node_keys: dict[str, NodeKeys]) -> None:
    assert _stale(node_keys[""], node_keys[setting]) == SETTINGS[setting] | REPORT


def _stale(before: NodeKeys, after: NodeKeys) -> set[str]:
    stale: set[str] = set()
    # Nodes come after those that they read from.
    for node, (key, upstream) in after.items():
        if key != before[node][0] or stale & set(upstream):
            stale.add(node)
    return stale


def test_a_run_after_an_edit_repeats_what_depends_on_it_and_nothing_else(
    sample_run: PipelineRun, edited_project: Path
) -> None:
    with (edited_project / "README.md").open("a") as file:
        file.write("One more line.\n")
    edited = edited_project / "trainer_module" / "ranking" / "biases.py"
    source = edited.read_text()
    assert "USER_DAMPING = 10.0\n" in source
    edited.write_text(source.replace("USER_DAMPING = 10.0\n", "USER_DAMPING = 1.0e9\n"))

    run = run_pipeline(edited_project, sample_run.output, *SMALL_SAMPLE)

    assert run.status == 0, run.out + run.err
    assert run.nodes_run == RANKING | RECOMMENDER | REPORT
    # The edit took the users' part out of the bias model, so it was the edited code that ran.
    assert run.summaries["RankingEvaluator"] != sample_run.summaries["RankingEvaluator"]
    assert _biases(run) > _biases(sample_run)
    # What was trained before is published again with what is new.
    for name in ("ranking", "retrieval", "recommender"):
        assert run.model(name) != sample_run.model(name)
        assert f"  {run.model(name)}\n" in run.out
    assert len({run.model(name).name for name in ("ranking", "retrieval", "recommender")}) == 1


def _biases(run: PipelineRun) -> float:
    found = re.search(r"\(biases ([\d.]+)", run.summaries["RankingEvaluator"])
    assert found is not None
    return float(found[1])
