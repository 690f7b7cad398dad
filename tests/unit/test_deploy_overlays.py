"""The overlays, the alert rules and the dashboard of `deploy/`. Nothing is deployed here."""

from __future__ import annotations

import copy
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
from tests.deploy_tools import kserve_problems, rendered, tool
from tests.unit.test_deploy_serving import RELEASES

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
OVERLAYS = sorted(path.name for path in (DEPLOY / "overlays").iterdir())
# Kinds that Kubernetes itself does not have, and so no schema.
CUSTOM = {"InferenceService"}


def by_kind(overlay: str) -> dict[str, dict[str, Any]]:
    """The objects of an overlay by kind."""
    return {item["kind"]: item for item in rendered(DEPLOY / "overlays" / overlay)}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlays_keep_to_the_schemas(overlay: str, release: str) -> None:
    for kind, item in by_kind(overlay).items():
        if kind not in CUSTOM:
            kubernetes_validate.validate(item, release, strict=True)


def test_the_inference_service_keeps_to_the_types_of_kserve() -> None:
    service = by_kind("kserve")["InferenceService"]
    assert kserve_problems(service, "V1beta1InferenceService") == []
    assert service["apiVersion"] == "serving.kserve.io/v1beta1"
    # What the types do not cover is Kubernetes' own.
    model = service["spec"]["predictor"]["model"]
    assert model["resources"]["requests"]["memory"] == model["resources"]["limits"]["memory"]
    assert model["storageUri"].startswith(
        f"pvc://{by_kind('kserve')['PersistentVolumeClaim']['metadata']['name']}/"
    )
    wrong = copy.deepcopy(service)
    wrong["spec"]["predictor"]["minReplicas"] = "2"
    wrong["spec"]["predictor"]["model"]["storageUrl"] = "pvc://models"
    assert len(kserve_problems(wrong, "V1beta1InferenceService")) == 2


def test_an_image_can_be_named_by_its_digest(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    digest = "sha256:" + "0123456789abcdef" * 4
    component = tmp_path / "deploy" / "components" / "digest" / "kustomization.yaml"
    component.write_text(component.read_text("utf-8").replace("sha256:DIGEST", digest))
    overlay = tmp_path / "deploy" / "overlays" / "cluster" / "kustomization.yaml"
    overlay.write_text(overlay.read_text("utf-8") + "  - ../../components/digest\n")
    [deployment] = [item for item in rendered(overlay.parent) if item["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"tensorflow/serving@{digest}"


@pytest.mark.parametrize("overlay", ["cluster", "s3"])
def test_the_volume_that_pods_mount_is_claimed(overlay: str) -> None:
    found = by_kind(overlay)
    volumes = {
        volume["name"]: volume for volume in found["Deployment"]["spec"]["template"]["spec"]["volumes"]
    }
    claim = volumes["models"]["persistentVolumeClaim"]["claimName"]
    assert claim == found["PersistentVolumeClaim"]["metadata"]["name"]


def test_the_number_of_replicas_is_left_to_the_autoscaler() -> None:
    found = by_kind("cluster")
    target = found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target["name"] == found["Deployment"]["metadata"]["name"]
    assert "replicas" not in found["Deployment"]["spec"]
    # One pod may always be taken away.
    least = found["HorizontalPodAutoscaler"]["spec"]["minReplicas"]
    assert found["PodDisruptionBudget"]["spec"]["minAvailable"] < least


def test_replicas_can_follow_the_requests_a_second(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    overlay = tmp_path / "deploy" / "overlays" / "cluster" / "kustomization.yaml"
    overlay.write_text(overlay.read_text("utf-8") + "  - ../../components/request-autoscaling\n")
    found = {item["kind"]: item for item in rendered(overlay.parent)}
    for release in RELEASES:
        kubernetes_validate.validate(found["HorizontalPodAutoscaler"], release, strict=True)
    scaled_by = [metric["type"] for metric in found["HorizontalPodAutoscaler"]["spec"]["metrics"]]
    assert scaled_by == ["Resource", "Pods"]
    metric = found["HorizontalPodAutoscaler"]["spec"]["metrics"][1]["pods"]["metric"]["name"]
    [rule] = yaml.safe_load((DEPLOY / "monitoring" / "adapter.yaml").read_text("utf-8"))["rules"]
    assert rule["name"]["as"] == metric
    # What it counts comes from the port and path that the pods have.
    pod = found["Deployment"]["spec"]["template"]
    monitor = found["PodMonitor"]["spec"]
    assert monitor["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    [endpoint] = monitor["podMetricsEndpoints"]
    assert endpoint["port"] in {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
    config = (DEPLOY / "serving" / "monitoring.config").read_text("utf-8")
    assert f'path: "{endpoint["path"]}"' in config
    series = re.match(r":[\w:]+", rule["seriesQuery"])
    assert series is not None
    assert f"{series[0]}{{" in (DEPLOY / "monitoring" / "alerts.yaml").read_text("utf-8")


def test_the_network_policy_is_about_the_ports_of_the_pods() -> None:
    found = by_kind("cluster")
    pod = found["Deployment"]["spec"]["template"]
    [container] = pod["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    spec = found["NetworkPolicy"]["spec"]
    assert {port["port"] for rule in spec["ingress"] for port in rule["ports"]} == ports
    assert spec["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


def test_a_bucket_holds_the_same_models_as_the_volume() -> None:
    found = by_kind("gcs")
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


def promtool(*arguments: str) -> None:
    done = subprocess.run([tool("promtool"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_when_their_own_tests_expect_it() -> None:
    promtool("check", "rules", str(DEPLOY / "monitoring" / "alerts.yaml"))
    promtool("test", "rules", str(DEPLOY / "monitoring" / "alerts-test.yaml"))


def test_the_configuration_of_prometheus_is_right() -> None:
    promtool("check", "config", str(DEPLOY / "monitoring" / "prometheus.yaml"))
