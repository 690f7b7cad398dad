"""The compiled Kubeflow pipeline is the local one, and records where it runs and writes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import kubeflow_runner

PROJECT = Path(kubeflow_runner.__file__).parent
IMAGE = "registry.example/movielens:1"
ROOT = "gs://bucket/weekly"
CLUSTER = f"""
data_dir: gs://bucket/ml-25m
tuning:
  models: [ranking]
kubeflow:
  image: {IMAGE}
  root: {ROOT}
  name: movielens-weekly
"""


def run(*args: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
    start = [str(PROJECT / "kubeflow_runner.py")] if code is None else ["-c", code]
    return subprocess.run(
        [sys.executable, *start, *args], capture_output=True, text=True, check=False, timeout=600, cwd=PROJECT
    )


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The runner's output, and the folder with what it wrote by default."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "cluster.yaml").write_text(CLUSTER)
    done = run("--config", str(folder / "cluster.yaml"), "--set", f"output={folder / 'runs'}")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout, folder / "runs" / "kubeflow"


@pytest.fixture(scope="module")
def spec(compiled: tuple[str, Path]) -> Any:
    return json.loads((compiled[1] / "movielens-weekly.json").read_text())


@pytest.fixture(scope="module")
def tasks(spec: Any) -> Any:
    """The tasks of the pipeline, which the exit handler stands beside."""
    return spec["components"]["tfx-dag"]["dag"]["tasks"]


@pytest.mark.slow
def test_json_and_yaml_are_equal(compiled: tuple[str, Path], spec: Any, tasks: Any) -> None:
    out, folder = compiled
    assert sorted(path.name for path in folder.iterdir()) == [
        "movielens-weekly.json",
        "movielens-weekly.yaml",
    ]
    assert yaml.safe_load((folder / "movielens-weekly.yaml").read_text()) == spec
    nodes = len(tasks)
    assert out.splitlines() == [
        f"{folder / 'movielens-weekly'}{suffix}: {nodes} nodes, image {IMAGE}, root {ROOT}"
        for suffix in (".json", ".yaml")
    ]


@pytest.mark.slow
def test_the_nodes_and_their_wiring_are_those_of_the_local_pipeline(tasks: Any, tmp_path: Path) -> None:
    from pipeline.config import load_config
    from pipeline.pipeline import create_pipeline

    local = create_pipeline(
        load_config(None, [f"output={tmp_path}", f"data_dir={tmp_path}", "tuning.models=[ranking]"])
    )
    assert set(tasks) == {node.id for node in local.components}
    for node in local.components:
        upstream = {other.id for other in node.upstream_nodes}
        assert set(tasks[node.id].get("dependentTasks", [])) == upstream, node.id


@pytest.mark.slow
def test_a_failed_run_is_reported_on_when_all_its_tasks_have_ended(spec: Any) -> None:
    assert set(spec["root"]["dag"]["tasks"]) == {"tfx-dag", "FailureReport"}
    task = spec["root"]["dag"]["tasks"]["FailureReport"]
    assert task["dependentTasks"] == ["tfx-dag"]
    assert task["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    parameters = task["inputs"]["parameters"]
    assert parameters["final_status"] == {"taskFinalStatus": {"producerTask": "tfx-dag"}}
    about = json.loads(parameters["about"]["runtimeValue"]["constant"])
    assert "Pusher" in about["nodes"]
    for name in ("FailureReport", "ReportGen"):
        container = spec["deploymentSpec"]["executors"][f"{name}_executor"]["container"]
        assert "components.report_gen.executor.ReportGenExecutor" in container["args"]
    # No task of a cluster reads a metadata store by itself.
    assert parameters["output_folder"]["runtimeValue"]["constant"] == ""


@pytest.mark.slow
def test_every_container_runs_tfx_in_the_image(spec: Any, tasks: Any) -> None:
    executors = spec["deploymentSpec"]["executors"]
    assert set(executors) == {f"{name}_executor" for name in (*tasks, "FailureReport")}
    for executor in executors.values():
        assert executor["container"]["image"] == IMAGE
        assert executor["container"]["command"] == [
            "python",
            "-m",
            "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor",
        ]


@pytest.mark.slow
def test_it_writes_below_the_root_without_a_path_of_this_machine(spec: Any, tasks: Any) -> None:
    assert spec["defaultPipelineRoot"] == ROOT
    assert spec["pipelineInfo"]["name"] == "movielens-weekly"
    assert spec["schemaVersion"] == "2.1.0"
    inputs = {name: json.dumps(task["inputs"]) for name, task in tasks.items()}
    assert "gs://bucket/ml-25m" in inputs["RatingsGen"]
    assert f"{ROOT}/serving/ranking" in inputs["Pusher"]
    text = json.dumps(spec)
    assert str(PROJECT) not in text
    # A value, also one inside of a nested JSON text or a flag, that starts like an absolute path.
    assert re.findall(r'["=]/[^"]*', text) == []


@pytest.mark.slow
def test_the_trainer_takes_what_the_tuner_finds(tasks: Any) -> None:
    taken = tasks["RankingTrainer"]["inputs"]["artifacts"]["hyperparameters"]["taskOutputArtifact"]
    assert taken == {"producerTask": "RankingTuner", "outputArtifactKey": "best_hyperparameters"}
    assert "hyperparameters" not in tasks["RetrievalTrainer"]["inputs"]["artifacts"]
    # A search that was killed goes on there.
    assert f"{ROOT}/tuning/ranking" in json.dumps(tasks["RankingTuner"]["inputs"])


@pytest.mark.slow
def test_the_data_gate_is_never_cached_and_transform_waits_for_what_it_gives_out(tasks: Any) -> None:
    assert "cachingOptions" not in tasks["DataGate"]
    assert tasks["RatingsStatistics"]["cachingOptions"] == {"enableCache": True}
    given = tasks["Transform"]["inputs"]["artifacts"]["schema"]["taskOutputArtifact"]
    assert given == {"producerTask": "DataGate", "outputArtifactKey": "schema"}
    assert f"{ROOT}/accepted" in json.dumps(tasks["DataGate"]["inputs"])


@pytest.mark.slow
def test_what_is_served_is_looked_up_in_every_run(tasks: Any) -> None:
    for model in ("Retrieval", "Ranking"):
        name = f"{model}ServedModel"
        assert "cachingOptions" not in tasks[name]
        assert f"{ROOT}/serving/{model.lower()}" in json.dumps(tasks[name]["inputs"])
        given = tasks[f"{model}Evaluator"]["inputs"]["artifacts"]["baseline_model"]["taskOutputArtifact"]
        assert given == {"producerTask": name, "outputArtifactKey": "served_model"}


@pytest.mark.slow
def test_a_container_can_make_the_result_of_the_data_gate(spec: Any) -> None:
    from kfp.pipeline_spec import pipeline_spec_pb2
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils

    from components.data_gate.artifact import DataGateResult

    outputs = spec["components"]["DataGate"]["outputDefinitions"]["artifacts"]
    found = pipeline_spec_pb2.ArtifactList()
    schema = outputs["gate_result"]["artifactType"]["instanceSchema"]
    found.artifacts.add(uri="gs://bucket/result").type.instance_schema = schema

    made = kubeflow_v2_entrypoint_utils.parse_raw_artifact_dict({"gate_result": found})

    assert [type(artifact) for artifact in made["gate_result"]] == [DataGateResult]


REFUSALS = [
    (["--set", "kubeflow.root=gs://b/r", "--set", "data_dir=gs://b/d"], "kubeflow.image is not set"),
    (["--set", "kubeflow.image=i", "--set", "data_dir=gs://b/d"], "kubeflow.root is None"),
    (["--set", "kubeflow.image=i", "--set", "kubeflow.root=/mnt/r"], "kubeflow.root is '/mnt/r'"),
    (["--set", "kubeflow.image=i", "--set", "kubeflow.root=gs://b/r"], "data_dir is None"),
    (
        ["--set", "kubeflow.image=i", "--set", "kubeflow.root=gs://b/r", "--set", "data_dir=ml-100k"],
        "data_dir is 'ml-100k'",
    ),
    (["--set", "kubeflow.imag=i"], "did you mean kubeflow.image?"),
    (["--config", "no-such.yaml"], "no-such.yaml: cannot be read"),
]
COMPLETE = ["--set", "kubeflow.image=i", "--set", f"kubeflow.root={ROOT}", "--set", "data_dir=gs://b/d"]
# Addresses as they are given for exports hold tokens.
SECRET = "T0K3N"


@pytest.mark.parametrize(
    ("args", "message"), REFUSALS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_bad_input_is_one_line(args: list[str], message: str) -> None:
    done = run(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("setting", ["webhook=https://hooks.example/", "mlflow_uri=https://user:"])
def test_an_export_is_refused_without_a_word_of_its_secret(tmp_path: Path, setting: str) -> None:
    file = tmp_path / "movielens.json"
    name = setting.partition("=")[0]
    done = run(*COMPLETE, "--set", f"export.{setting}{SECRET}", "--output", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"export.{name}" in done.stderr
    assert SECRET not in done.stderr
    assert not file.exists()


def test_the_output_needs_a_format_and_a_folder(tmp_path: Path) -> None:
    wrong = run(*COMPLETE, "--output", str(tmp_path / "movielens.txt"))
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "has to end in .json or .yaml" in wrong.stderr
    (tmp_path / "file").touch()
    blocked = run(*COMPLETE, "--output", str(tmp_path / "file" / "movielens.json"))
    assert (blocked.returncode, blocked.stderr.count("\n")) == (2, 1)
    assert "name another file with --output" in blocked.stderr


def test_a_missing_compiler_is_named_with_the_way_to_get_it(tmp_path: Path) -> None:
    # None in sys.modules is how Python marks a module that cannot be imported.
    code = "import sys; sys.modules['kfp'] = None; import kubeflow_runner; sys.exit(kubeflow_runner.main())"
    done = run(*COMPLETE, "--output", str(tmp_path / "movielens.json"), code=code)
    assert done.returncode == 2
    assert done.stderr == (
        "error: the Kubeflow compiler is not installed: pip install 'movielens-recommender[kfp]'\n"
    )
    assert not (tmp_path / "movielens.json").exists()


def test_help_has_examples_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, kubeflow_runner\n"
        "try: kubeflow_runner.main(['--help'])\n"
        "finally: print(sorted({'tfx', 'tensorflow', 'kfp'} & set(sys.modules)))"
    )
    done = run(code=code)
    assert "examples:" in done.stdout
    assert done.stdout.endswith("[]\n")
