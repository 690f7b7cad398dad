"""The overlays, the alert rules and the dashboard of `deploy/`. Nothing is deployed here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.model_server.metrics import Metrics

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
OVERLAYS = sorted(path.name for path in (DEPLOY / "overlays").iterdir())
# Kinds that Kubernetes itself does not have, and so no schema.
CUSTOM = {"InferenceService"}


def rendered(overlay: str) -> dict[str, dict[str, Any]]:
    """The objects of an overlay by kind, as `kubectl apply --kustomize` sends them."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("needs kubectl, which renders the overlays")
    command = [kubectl, "kustomize", str(DEPLOY / "overlays" / overlay)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {item["kind"]: item for item in yaml.safe_load_all(text)}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlays_keep_to_the_schemas(overlay: str) -> None:
    for kind, item in rendered(overlay).items():
        if kind not in CUSTOM:
            kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("overlay", ["cluster", "s3"])
def test_the_volume_that_pods_mount_is_claimed(overlay: str) -> None:
    found = rendered(overlay)
    volumes = {
        volume["name"]: volume for volume in found["Deployment"]["spec"]["template"]["spec"]["volumes"]
    }
    claim = volumes["models"]["persistentVolumeClaim"]["claimName"]
    assert claim == found["PersistentVolumeClaim"]["metadata"]["name"]


def test_the_number_of_replicas_is_left_to_the_autoscaler() -> None:
    found = rendered("cluster")
    target = found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target["name"] == found["Deployment"]["metadata"]["name"]
    assert "replicas" not in found["Deployment"]["spec"]
    # One pod may always be taken away.
    least = found["HorizontalPodAutoscaler"]["spec"]["minReplicas"]
    assert found["PodDisruptionBudget"]["spec"]["minAvailable"] < least


def test_the_network_policy_is_about_the_ports_of_the_pods() -> None:
    found = rendered("cluster")
    pod = found["Deployment"]["spec"]["template"]
    [container] = pod["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    spec = found["NetworkPolicy"]["spec"]
    assert {port["port"] for rule in spec["ingress"] for port in rule["ports"]} == ports
    assert spec["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


def test_a_bucket_holds_the_same_models_as_the_volume() -> None:
    found = rendered("gcs")
    pod = found["Deployment"]["spec"]["template"]["spec"]
    assert {volume["name"] for volume in pod["volumes"]} == {"config", "tmp"}
    assert pod["serviceAccountName"] == found["ServiceAccount"]["metadata"]["name"]
    in_bucket = models(found["ConfigMap"]["data"]["models.config"])
    on_volume = models((DEPLOY / "serving" / "models.config").read_text(encoding="utf-8"))
    assert all(model.base_path.startswith("gs://") for model in in_bucket)
    for model in (*in_bucket, *on_volume):
        model.base_path = model.base_path.rpartition("/")[2]
    assert in_bucket == on_volume


def models(text: str) -> list[Any]:
    """The models of a text-format ModelServerConfig."""
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    return list(config.model_config_list.config)


def test_alerts_and_dashboard_read_metrics_that_servers_have() -> None:
    metrics = Metrics()
    metrics.request("toy", "Predict", "GRPC", "OK", 0.1)
    metrics.loaded("/toy/1", "success")
    metrics.warmed_up("/toy/1", "OK", 0.1)
    metrics.batch("toy", 2, [0.1])
    there = set(re.findall(r"^(:[\w:]+)\{", metrics.page().decode(), re.MULTILINE))
    rules = yaml.safe_load((DEPLOY / "monitoring" / "alerts.yaml").read_text(encoding="utf-8"))
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    dashboard = json.loads((DEPLOY / "monitoring" / "dashboard.json").read_text(encoding="utf-8"))
    expressions += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    read = {name for expression in expressions for name in re.findall(r":tensorflow:[\w:]+", expression)}
    assert read
    assert read <= there


def test_alerts_fire_when_their_own_tests_expect_it() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("needs promtool, of Prometheus")
    command = [promtool, "test", "rules", str(DEPLOY / "monitoring" / "alerts-test.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
