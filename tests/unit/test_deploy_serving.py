"""`deploy/serving` against the published schemas, the real protos and itself. Nothing is deployed here."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose
from google.protobuf import text_format
from packaging.requirements import Requirement
from tensorflow_serving.config import model_server_config_pb2

from contracts.signatures import MAX_ROWS
from serving.commands import app as app_command
from serving.model_server.config.model_config import read_model_config
from serving.model_server.config.text_protos import read_batching, read_metrics_path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "serving"
MANIFESTS = ("deployment.yaml", "service.yaml", "disruption-budget.yaml")
# The oldest release that README.md promises, one between, and the newest with a schema.
RELEASES = ("1.27", "1.32", kubernetes_validate.latest_version())


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def interpolated() -> str:
    """compose.yaml as Docker reads it where no variable is set."""
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def services() -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load(interpolated())["services"])


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    return dict(services()["tensorflow-serving"])


@pytest.fixture(scope="module")
def app() -> dict[str, Any]:
    return dict(services()["app"])


@pytest.fixture(scope="module")
def pod() -> dict[str, Any]:
    return dict(read("deployment.yaml")["spec"]["template"])


@pytest.fixture(scope="module")
def container(pod: dict[str, Any]) -> dict[str, Any]:
    [container] = pod["spec"]["containers"]
    return dict(container)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests_keep_to_the_schema_of_kubernetes(name: str, release: str) -> None:
    kubernetes_validate.validate(read(name), release, strict=True)


def test_the_schema_refuses_what_kubernetes_would() -> None:
    deployment = read("deployment.yaml")
    deployment["spec"]["template"]["spec"]["containers"][0]["readOnly"] = True
    with pytest.raises(kubernetes_validate.ValidationError, match="readOnly"):
        kubernetes_validate.validate(deployment, RELEASES[0], strict=True)


def test_compose_file_keeps_to_the_specification() -> None:
    assert PyCompose.from_yaml(interpolated()).service_names() == list(services())
    with pytest.raises(ValueError, match="usr"):
        PyCompose.from_yaml(interpolated().replace("user:", "usr:"))


def test_kustomization_names_every_file_of_the_folder() -> None:
    kustomization = read("kustomization.yaml")
    [configs] = kustomization["configMapGenerator"]
    there = {path.name for path in FOLDER.iterdir()}
    assert {*kustomization["resources"], *configs["files"]} == there - {
        "README.md",
        "compose.yaml",
        "kustomization.yaml",
    }
    assert set(kustomization["resources"]) == set(MANIFESTS)


def test_models_are_those_that_the_pipeline_pushes() -> None:
    text = (FOLDER / "models.config").read_text(encoding="utf-8")
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    listed = config.model_config_list.config
    assert {model.name: model.base_path for model in listed} == {
        "recommender": "/models/recommender",
        "retrieval": "/models/retrieval",
        "ranking": "/models/ranking",
    }
    assert {model.model_platform for model in listed} == {"tensorflow"}
    kept = {model.name: model.policy.latest for model in read_model_config(FOLDER / "models.config")}
    assert kept == {"recommender": 1, "retrieval": 1, "ranking": 2}


def test_batching_and_monitoring_hold_what_the_manifests_rely_on(pod: dict[str, Any]) -> None:
    batching = read_batching(FOLDER / "batching.config", cores=1)
    assert (batching.max_batch_size, batching.batch_timeout_seconds) == (128, 0.001)
    assert (batching.max_enqueued_batches, batching.num_batch_threads) == (64, 2)
    annotations = pod["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] == read_metrics_path(FOLDER / "monitoring.config")


def test_the_image_is_of_the_version_whose_protos_are_locked(
    container: dict[str, Any], service: dict[str, Any]
) -> None:
    lines = (ROOT / "requirements" / "tfx-1.16.txt").read_text(encoding="utf-8").splitlines()
    [line] = [line for line in lines if line.startswith("tensorflow-serving-api==")]
    [version] = Requirement(line.removesuffix("\\")).specifier
    assert container["image"] == service["image"] == f"tensorflow/serving:{version.version}"


def test_compose_and_kubernetes_start_the_same_server(
    container: dict[str, Any], service: dict[str, Any]
) -> None:
    assert container["command"] == service["entrypoint"]
    assert container["args"] == service["command"]


def test_the_server_finds_the_files_that_its_flags_name(
    pod: dict[str, Any], container: dict[str, Any], service: dict[str, Any]
) -> None:
    flags = dict(flag.removeprefix("--").split("=", 1) for flag in container["args"])
    files = {value for name, value in flags.items() if name.endswith("_file")}
    assert len(files) == 3
    [configs] = read("kustomization.yaml")["configMapGenerator"]
    assert files == {f"/config/{name}" for name in configs["files"]}
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert set(mounts) == set(volumes)
    assert mounts["config"]["mountPath"] == "/config"
    assert volumes["config"]["configMap"]["name"] == configs["name"]
    assert mounts["models"]["mountPath"] == "/models"
    targets = {volume["target"]: volume for volume in service["volumes"]}
    assert set(targets) == {"/config", "/models"}
    assert (FOLDER / targets["/config"]["source"]).resolve() == FOLDER
    assert (FOLDER / targets["/models"]["source"]).resolve() == ROOT / "runs" / "serving"


def test_ports_probes_and_labels_fit_together(
    pod: dict[str, Any], container: dict[str, Any], service: dict[str, Any]
) -> None:
    flags = dict(flag.removeprefix("--").split("=", 1) for flag in container["args"])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": int(flags["port"]), "rest": int(flags["rest_api_port"])}
    # A probe of the gRPC health service works only with its flag.
    assert flags["enable_grpc_healthcheck_service"] == "true"
    assert container["startupProbe"]["grpc"]["port"] == ports["grpc"]
    assert container["livenessProbe"]["grpc"]["port"] == ports["grpc"]
    # Ready is what both ask of every model.
    [*_, ready] = container["readinessProbe"]["exec"]["command"]
    assert f"/dev/tcp/127.0.0.1/{ports['rest']}" in ready
    for model in read_model_config(FOLDER / "models.config"):
        assert model.name in ready
    [*_, healthy] = service["healthcheck"]["test"]
    assert healthy.replace("$$", "$") == ready
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(ports["rest"])
    labels = pod["metadata"]["labels"].items()
    assert read("deployment.yaml")["spec"]["selector"]["matchLabels"].items() <= labels
    assert read("service.yaml")["spec"]["selector"].items() <= labels
    assert read("disruption-budget.yaml")["spec"]["selector"]["matchLabels"].items() <= labels
    for port in read("service.yaml")["spec"]["ports"]:
        assert ports[port["targetPort"]] == port["port"]


def test_the_container_has_no_rights_that_it_does_not_need(
    pod: dict[str, Any], container: dict[str, Any], service: dict[str, Any]
) -> None:
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert writable == service["tmpfs"] == ["/tmp"]
    user = pod["spec"]["securityContext"]
    assert service["user"] == f"{user['runAsUser']}:{user['runAsGroup']}"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(volume["read_only"] for volume in service["volumes"])
    # Neither port authenticates callers.
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_the_application_has_flags_that_it_takes_and_few_rights(
    app: dict[str, Any], service: dict[str, Any]
) -> None:
    parser = ArgumentParser()
    app_command.add_arguments(parser)
    options = parser.parse_args(app["command"])
    targets = {volume["target"]: volume for volume in app["volumes"]}
    assert {str(options.models), str(options.feedback)} == set(targets)
    assert options.feedback in options.request_log.parents
    assert targets[str(options.models)]["read_only"] is True
    assert options.server == f"tensorflow-serving:{service['ports'][0].rpartition(':')[2]}"
    assert (app["user"], app["read_only"], app["cap_drop"]) == ("65532:65532", True, ["ALL"])
    [port] = app["ports"]
    assert port.startswith("127.0.0.1:")
    assert port.endswith(f":{options.port}")
    assert (FOLDER / app["build"]["context"]).resolve() == ROOT
    assert (ROOT / app["build"]["dockerfile"]).is_file()


def mounted(name: str) -> dict[str, Path]:
    """The files of the project that a service mounts, by where it finds them."""
    return {
        volume["target"]: (FOLDER / volume["source"]).resolve()
        for volume in services()[name]["volumes"]
        if volume["type"] == "bind"
    }


def test_prometheus_scrapes_both_servers_where_they_answer() -> None:
    prometheus = services()["prometheus"]
    flags = dict(flag.removeprefix("--").split("=", 1) for flag in prometheus["command"])
    folder, _, name = flags["config.file"].rpartition("/")
    monitoring = mounted("prometheus")[folder]
    config = yaml.safe_load((monitoring / name).read_text(encoding="utf-8"))
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    # The rules name the job.
    rules = (monitoring / config["rule_files"][0]).read_text(encoding="utf-8")
    assert 'job="movielens-serving"' in rules
    [serving] = jobs["movielens-serving"]["static_configs"]
    assert serving["targets"] == ["tensorflow-serving:8501"]
    assert jobs["movielens-serving"]["metrics_path"] == read_metrics_path(FOLDER / "monitoring.config")
    [app] = jobs["movielens-app"]["static_configs"]
    assert app["targets"] == [f"app:{services()['app']['ports'][0].rpartition(':')[2]}"]


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    files = mounted("grafana")
    provisioning = files["/etc/grafana/provisioning"]
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    port = services()["prometheus"]["ports"][0].rpartition(":")[2]
    assert source["url"] == f"http://prometheus:{port}"
    # The dashboard takes the default one.
    assert source["isDefault"] is True
    [provider] = yaml.safe_load((provisioning / "dashboards" / "movielens.yaml").read_text())["providers"]
    dashboard = files[f"{provider['options']['path']}/dashboard.json"]
    assert dashboard == ROOT / "deploy" / "monitoring" / "dashboard.json"


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_what_watches_has_few_rights_and_a_port_of_this_machine(name: str) -> None:
    service = services()[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert all(path.exists() for path in mounted(name).values())
    for volume in service["volumes"]:
        assert volume["type"] == "volume" or volume["read_only"]


def test_memory_and_cores_are_limited(container: dict[str, Any], service: dict[str, Any]) -> None:
    limits = container["resources"]["limits"]
    assert container["resources"]["requests"]["memory"] == limits["memory"]
    threads = {flag.partition("=")[2] for flag in container["args"] if "_op_parallelism" in flag}
    assert threads == {limits["cpu"]}
    assert service["deploy"]["resources"]["limits"]["cpus"] == limits["cpu"]
    assert f"{service['deploy']['resources']['limits']['memory']}i" == limits["memory"]
    # A batch thread for each core, and no batch that a model would refuse.
    batching = read_batching(FOLDER / "batching.config", cores=1)
    assert batching.num_batch_threads == int(limits["cpu"])
    assert batching.max_batch_size <= MAX_ROWS
