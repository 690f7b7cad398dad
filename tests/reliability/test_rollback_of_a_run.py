"""Whole runs: a worse model is not pushed, a better one is, and the earlier answers come back bit for bit."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.atomic_pusher.versions import read_manifest, served_version
from tests.pipeline_run import SERVABLES, SMALL_SAMPLE, PipelineRun, pushed_versions, run_pipeline

pytestmark = pytest.mark.slow

USERS = [*map(str, range(1, 151)), "nobody"]
MOVIES = [*map(str, range(1, 101)), "none"]


def ratings(version: Path) -> bytes:
    """What a ranking model answers to everyone about a hundred movies, to the last bit."""
    rank = tf.saved_model.load(str(version)).signatures["rank"]
    answer = rank(user_id=tf.constant(USERS), movie_id=tf.constant([MOVIES] * len(USERS)))
    found: Any = answer["user_rating"].numpy()
    assert np.isfinite(found).all()
    return bytes(found.tobytes())


def recommended(version: Path) -> list[list[bytes]]:
    """The list of every user, of a recommender."""
    recommend = tf.saved_model.load(str(version)).signatures["serving_default"]
    found: list[list[bytes]] = recommend(user_id=tf.constant(USERS))["movie_id"].numpy().tolist()
    return found


def versions(command: str, output: Path, project: Path) -> str:
    """The output of a command of `python -m pipeline`."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *command.split(), f"--output={output}"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rmse(run: PipelineRun) -> float:
    found = re.match(r"rmse ([\d.]+)", run.summaries["RankingEvaluator"])
    assert found is not None
    return float(found[1])


def test_worse_better_and_back(project: Path, sample_run: PipelineRun) -> None:
    output = sample_run.output
    base = output / "serving" / "ranking"
    first = sample_run.model("ranking")
    answers = ratings(first)
    manifest = read_manifest(str(first))
    assert manifest is not None
    assert manifest.provenance.metrics["candidate"]["rmse"] == pytest.approx(rmse(sample_run), abs=6e-4)
    assert manifest.provenance.measured_on.startswith("eval split, random, sample-10000")

    # Hardly trained, so worse than the biases that it has to beat, and than what is served.
    worse = run_pipeline(project, output, *SMALL_SAMPLE, "--set=ranking.learning_rate=0.00001")
    assert worse.status == 1
    assert rmse(worse) > rmse(sample_run)
    assert worse.summaries["RankingServedModel"].startswith(f"version {first.name} was served")
    assert "rmse does not beat its reference" in worse.summaries["RankingEvaluator"]
    assert "behind the served version, more than the 0.025 allowed" in worse.summaries["RankingEvaluator"]
    assert worse.summaries["Pusher"].startswith("nothing pushed")
    assert pushed_versions(output) == sample_run.pushed

    better = run_pipeline(project, output, *SMALL_SAMPLE, "--set=ranking.epochs=8")
    assert better.status == 0, better.out + better.err
    assert rmse(better) < rmse(sample_run)
    assert better.model("ranking") != first
    of_better = read_manifest(str(better.model("ranking")))
    assert of_better is not None
    # It was compared with the first model, on the same Examples.
    assert of_better.provenance.baseline == manifest.model_fingerprint
    assert of_better.provenance.metrics["served"]["rmse"] == pytest.approx(rmse(sample_run), abs=6e-4)
    assert re.match(r"rmse [\d.]+ \(biases [\d.]+, served [\d.]+\)", better.summaries["RankingEvaluator"])
    assert served_version(str(base)) == int(better.model("ranking").name)
    assert ratings(better.model("ranking")) != answers
    assert {better.model(name).name for name in SERVABLES} == {better.model("ranking").name}

    listed = versions("versions ranking", output, project)
    assert f"* {better.model('ranking').name}  pushed" in listed
    assert f"  {first.name}  pushed" in listed
    versions("rollback --yes", output, project)
    served = served_version(str(base))
    assert served is not None
    assert served > int(better.model("ranking").name)
    assert ratings(base / str(served)) == answers
    # All of them are back, under one number, and so is the list.
    assert {served_version(str(output / "serving" / name)) for name in SERVABLES} == {served}
    lists = recommended(output / "serving" / "recommender" / str(served))
    assert lists == recommended(sample_run.model("recommender")) != recommended(better.model("recommender"))

    # The same run again pushes nothing, and shows that something else is served.
    again = run_pipeline(project, output, *SMALL_SAMPLE, "--set=ranking.epochs=8")
    assert again.status == 0, again.out + again.err
    assert set(again.states.values()) == {"cached"}
    assert (
        f"{better.model('ranking')} (version {served} is served; see python -m pipeline versions)"
        in again.out
    )
    assert served_version(str(base)) == served

    # Nor does one in which the pusher runs, for a reason that has nothing to do with the model.
    anew = run_pipeline(
        project, output, *SMALL_SAMPLE, "--set=ranking.epochs=8", "--set=push.keep_versions=4"
    )
    assert anew.status == 0, anew.out + anew.err
    assert anew.nodes_run == {"Pusher", "ReportGen"}
    assert f"nothing pushed anew; version {served} is served" in anew.summaries["Pusher"]
    assert served_version(str(base)) == served
