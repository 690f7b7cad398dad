"""`model: joint`: one servable that finds, rates and orders, through every gate to a client's list."""

import json
import re
from pathlib import Path

import pytest

from contracts.signatures import JOINT
from serving.client import Client
from tests.contract.model_server.servers import PATIENCE, running
from tests.pipeline_run import PipelineRun, run_pipeline

pytestmark = pytest.mark.slow

JOINT_SAMPLE = (
    "--split=random",
    "--set=model=joint",
    "--set=sample.ratings=10000",
    "--set=ranking.batch_size=512",
    "--set=ranking.epochs=4",
    # Tests share their machine with others.
    "--set=probe.max_latency_ms=2000",
)


@pytest.fixture(scope="module")
def joint_run(project: Path, tmp_path_factory: pytest.TempPathFactory) -> PipelineRun:
    run = run_pipeline(project, tmp_path_factory.mktemp("joint") / "runs", *JOINT_SAMPLE)
    assert run.status == 0, run.out + run.err
    return run


def pushed(run: PipelineRun) -> Path:
    """The one version."""
    [version] = (run.output / "serving" / JOINT).glob("[0-9]*")
    return version


def test_the_final_order_is_chosen_on_validation_and_measured(joint_run: PipelineRun) -> None:
    summary = joint_run.summaries["RecommenderComposer"]
    assert re.match(r"weight of the predicted rating [\d.]+, validation", summary), summary
    manifest = pushed(joint_run) / "assets.extra" / "manifest.json"
    metrics = json.loads(manifest.read_text("utf-8"))["metrics"]
    candidate, reference = metrics["candidate"], metrics["reference"]
    for name in ("recall@10", "liked_recall@10", "graded_ndcg@10"):
        assert candidate[name] > reference[name]
    assert candidate["rmse"] < reference["rmse"]


def test_a_client_gets_the_final_list_in_one_call(joint_run: PipelineRun, tmp_path: Path) -> None:
    config = tmp_path / "models.config"
    version = pushed(joint_run)
    config.write_text(
        f'model_config_list {{ config {{ name: "{JOINT}" base_path: "{version.parent}" '
        'model_platform: "tensorflow" } }'
    )
    with (
        running(tmp_path, [f"--model_config_file={config}"]) as server,
        Client(f"localhost:{server.grpc_port}", timeout=PATIENCE) as client,
    ):
        found = client.recommend("1", 10)
    assert found.versions == {JOINT: int(version.name)}
    assert (found.order, found.degraded) == ("final", None)
    scores = [movie.score for movie in found.movies]
    ratings = [movie.predicted_rating for movie in found.movies]
    assert len(scores) == 10
    assert scores == sorted(scores, reverse=True)
    # The order is a blend, not that of the ratings alone.
    assert ratings != sorted(ratings, reverse=True)
