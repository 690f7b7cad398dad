"""The model probe refuses models that are broken in known ways, and blesses those of an honest run.

Real models of a real run, saved again with one fault each; the probe's own process loads them. What is
refused is not pushed.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import tensorflow as tf

from components.model_probe.probed_process import ProbedProcess, ProcessEndedError
from tests.pipeline_run import MODELS, SMALL_SAMPLE, PipelineRun, run_pipeline
from tests.reliability.probed_run import Answer, Probed, ProbedRun, rewritten

pytestmark = pytest.mark.slow


@pytest.fixture
def probed(sample_run: PipelineRun, tmp_path: Path) -> ProbedRun:
    return ProbedRun(sample_run, tmp_path)


def refused(found: Probed) -> None:
    """Not blessed, one line with the reason, and nothing pushed for that reason."""
    assert not found.blessed
    assert found.reason
    assert "\n" not in found.reason
    assert found.versions == []
    assert found.pushed["pushed"] == 0
    assert found.pushed["reason"].endswith(f": the probe refused its model: {found.reason}")


@pytest.mark.parametrize("name", MODELS)
def test_a_good_model_is_blessed_and_pushed(name: str, probed: ProbedRun, sample_run: PipelineRun) -> None:
    found = probed(name, sample_run.model(name))
    assert found.failed == []
    assert found.blessed
    assert found.versions == [found.pushed["pushed_version"]]
    kinds = {check["name"] for check in found.checks}
    assert kinds >= {"contract", "answers", "finite", "shapes", "latency", "memory"}
    if name == "retrieval":
        assert kinds >= {"catalogue", "lists", "titles", "known ids"}
    else:
        assert kinds >= {"scale", "transform"}
    # Each check has measured something, or its metric would be nothing.
    assert all(check["value"] is not None for check in found.checks)


def test_an_index_with_half_the_catalogue(probed: ProbedRun, sample_run: PipelineRun) -> None:
    [sample] = sample_run.output.glob("sample-*")
    movies = [line.split(b"|")[0] for line in (sample / "u.item").read_bytes().splitlines()]
    lost = tf.constant(movies[::2])

    def without(answer: Answer) -> Answer:
        """The list as of an index without half of the movies."""
        gone = tf.reduce_any(answer["movie_id"][:, :, tf.newaxis] == lost, axis=2)
        order = tf.argsort(tf.cast(gone, tf.int32), axis=1, stable=True)
        blank = {"movie_id": "", "movie_title": "", "score": tf.float32.min}
        lists = {name: tf.where(gone, empty, answer[name]) for name, empty in blank.items()}
        return {**answer, **{name: tf.gather(found, order, batch_dims=1) for name, found in lists.items()}}

    names = ("serving_default", "recommend", "recommend_from_history", "similar_movies")
    model = rewritten(sample_run.model("retrieval"), probed.folder / "half", dict.fromkeys(names, without))

    found = probed("retrieval", model)

    refused(found)
    count = len(movies[::2])
    assert found.reason.startswith(f"recommend: catalogue, movies missing {count} (threshold: at most 0)")
    assert f"of {len(movies):,}, such as '{min(movies[::2], key=int).decode()}', " in found.reason
    assert ("similar_movies", "catalogue") in found.failed


@pytest.mark.parametrize("name", MODELS)
def test_weights_that_are_no_numbers(name: str, probed: ProbedRun, sample_run: PipelineRun) -> None:
    model = rewritten(sample_run.model(name), probed.folder / "nan", weights=float("nan"))
    found = probed(name, model)
    refused(found)
    assert found.failed[0][1] == "finite"
    assert "finite, numbers that are not finite" in found.reason


def test_a_signature_that_is_missing(probed: ProbedRun, sample_run: PipelineRun) -> None:
    model = rewritten(sample_run.model("retrieval"), probed.folder / "less", {"similar_movies": None})
    found = probed("retrieval", model)
    refused(found)
    assert found.failed == [("similar_movies", "contract")]
    assert found.reason.endswith("the model does not have this signature")


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_is_slower_than_its_threshold(
    name: str, probed: ProbedRun, sample_run: PipelineRun
) -> None:
    found = probed(name, sample_run.model(name), max_latency_ms=0.001)
    refused(found)
    assert {kind for _, kind in found.failed} == {"latency"}
    assert "latency, milliseconds" in found.reason


def test_a_model_that_is_bigger_than_its_threshold(probed: ProbedRun, sample_run: PipelineRun) -> None:
    found = probed("ranking", sample_run.model("ranking"), max_memory_mb=1)
    refused(found)
    assert found.failed == [("process", "memory")]
    assert found.reason.startswith("process: memory, peak growth in MiB ")


def test_another_transform_in_serving_than_in_training(probed: ProbedRun, sample_run: PipelineRun) -> None:
    def older(answer: Answer) -> Answer:
        return {**answer, "age_normalized": answer["age_normalized"] + 1e-3}

    model = rewritten(sample_run.model("ranking"), probed.folder / "skewed", {"transform_features": older})
    found = probed("ranking", model)
    refused(found)
    assert found.failed == [("transform_features", "transform")]
    assert "transform, largest difference 0.001 (threshold: at most 1e-06)" in found.reason
    assert "age_normalized of user " in found.reason


def test_a_rating_off_the_scale(probed: ProbedRun, sample_run: PipelineRun) -> None:
    def louder(answer: Answer) -> Answer:
        return {"user_rating": answer["user_rating"] + 4.5}

    model = rewritten(sample_run.model("ranking"), probed.folder / "loud", {"rank": louder})
    found = probed("ranking", model)
    refused(found)
    assert found.failed == [("rank", "scale")]


def test_what_users_have_rated_is_in_their_lists(probed: ProbedRun, sample_run: PipelineRun) -> None:
    # As if the table of what users have rated had been left empty: all lists are that of an unknown user.
    loaded = tf.saved_model.load(str(sample_run.model("retrieval")))
    unknown_list = loaded.signatures["recommend"](
        user_id=tf.constant(["nobody"]),
        exclude_movie_ids=tf.zeros([1, 0], tf.string),
        k=tf.constant(100),
    )

    def everyone_alike(answer: Answer) -> Answer:
        alike = {
            name: tf.repeat(tf.constant(unknown_list[name].numpy()), tf.shape(answer["score"])[0], axis=0)
            for name in ("movie_id", "movie_title", "score")
        }
        return {**answer, **alike}

    model = rewritten(
        sample_run.model("retrieval"), probed.folder / "alike", {"serving_default": everyone_alike}
    )
    found = probed("retrieval", model)
    refused(found)
    assert found.failed == [("serving_default", "lists")]
    assert "that the user has rated or excluded, such as '" in found.reason


def test_a_model_that_hangs(probed: ProbedRun, sample_run: PipelineRun) -> None:
    def never(answer: Answer) -> Answer:
        turned = tf.while_loop(lambda turn: turn >= 0, lambda turn: (turn + 1) % 1000, [tf.constant(0)])
        return {**answer, "score": answer["score"] + tf.cast(turned[0], tf.float32)}

    model = rewritten(sample_run.model("retrieval"), probed.folder / "endless", {"recommend": never})
    found = probed("retrieval", model, timeout_seconds=15)
    refused(found)
    assert found.failed == [("recommend", "timeout")]
    assert found.reason.endswith("it hangs, and the process was ended")


def test_a_model_that_cannot_be_loaded(probed: ProbedRun) -> None:
    model = probed.folder / "torn"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"half of a fi")
    found = probed("ranking", model)
    refused(found)
    assert found.failed == [("loading", "process")]


def test_a_killed_process_is_reported_with_its_signal(sample_run: PipelineRun) -> None:
    with ProbedProcess(timeout_seconds=60, max_memory_mb=4096) as process:
        signatures = process.load(str(sample_run.model("ranking")))
        assert "rank" in signatures
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(ProcessEndedError, match=r"^rank: process, crashed .* killed by SIGKILL"):
            process.call("rank", {})


def test_a_run_whose_model_is_refused_ends_with_the_reason_in_one_line(
    project: Path, sample_run: PipelineRun
) -> None:
    run = run_pipeline(project, sample_run.output, *SMALL_SAMPLE, "--set=probe.max_latency_ms=0.001")
    assert run.status == 1
    assert run.nodes_run == {
        "RankingProbe",
        "RetrievalProbe",
        "RecommenderProbe",
        "Pusher",
        "ReportGen",
    }
    assert run.pushed == sample_run.pushed
    [line] = [line for line in run.err.splitlines() if line.startswith("error: ")]
    for name in MODELS:
        assert "Pusher pushed nothing, because " in line
        message = line.split(f"{name}: the probe refused its model: ")[1]
        assert "latency, milliseconds" in message
        assert "(threshold: at most 0.001)" in message
        metrics = run.report["sections"]["models"]["metrics"][name]
        assert metrics["probe"]["blessed"] is False
    assert run.report["sections"]["models"]["verdict"] == "failed"
    assert "refused by the probe (latency)" in run.page
