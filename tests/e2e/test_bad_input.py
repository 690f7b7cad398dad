"""Bad input ends in one clear error, a status other than 0, and nothing pushed.

What the entry point refuses before anything runs is tested with it, in tests/unit/pipeline.
"""

import functools
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import local_runner
from movielens.fetch import CHECKSUMS, fetch
from movielens.sample import SampleSpec, write_sample
from tests.pipeline_run import SERVABLES, SMALL_SAMPLE, PipelineRun, pushed_versions, run_pipeline


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keeps standard error to the runner."""


@pytest.fixture
def changed_download(tmp_path: Path) -> Iterator[str]:
    """The address of a server whose ml-100k.zip is not the one that GroupLens published."""
    folder = tmp_path / "server"
    folder.mkdir()
    with zipfile.ZipFile(folder / "ml-100k.zip", "w") as archive:
        archive.writestr("ml-100k/u.data", "1\t1\t5\t880000000\n")
    handler = functools.partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_download_with_a_wrong_checksum(
    changed_download: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MOVIELENS_DIR", raising=False)
    # GroupLens's address and the cache folder are replaced, and nothing else.
    names = ("to", "base_url", "checksum", "attempts", "progress")
    assert fetch.__code__.co_varnames[1:6] == names
    monkeypatch.setattr(fetch, "__defaults__", (tmp_path / "cache", changed_download, None, 1, False))

    status = local_runner.main(["--dataset", "ml-100k", "--output", str(tmp_path / "out")])

    assert status == local_runner.BAD_INPUT
    error = capfd.readouterr().err
    assert error.startswith(f"error: what came from {changed_download}ml-100k.zip was cut short or changed")
    assert str(CHECKSUMS["ml-100k"]) in error
    assert error.count("\n") == 1
    assert list((tmp_path / "cache").iterdir()) == []
    assert pushed_versions(tmp_path / "out") == dict.fromkeys(SERVABLES, ())


@pytest.mark.parametrize(
    ("name", "message"),
    [("u.data", "u.data is cut short"), ("u.item", "u.item is cut short"), ("u.user", "u.user is cut short")],
)
def test_truncated_file(name: str, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_sample(SampleSpec(ratings=1_000, users=50, movies=60), tmp_path / "cut")
    whole = (tmp_path / "cut" / name).read_bytes()
    (tmp_path / "cut" / name).write_bytes(whole[: len(whole) // 2].rstrip(b"\n")[:-1])

    status = local_runner.main(["--data-dir", str(tmp_path / "cut"), "--output", str(tmp_path / "out")])

    assert status == local_runner.BAD_INPUT
    error = capfd.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out" / "serving").exists()


@pytest.mark.slow
def test_fit_that_diverges_fails_its_node_and_pushes_nothing(project: Path, sample_run: PipelineRun) -> None:
    before = pushed_versions(sample_run.output)

    run = run_pipeline(project, sample_run.output, *SMALL_SAMPLE, "--set=ranking.learning_rate=1e30")

    assert run.status == local_runner.FAILED
    assert run.states["Transform"] == "cached"
    assert run.states["RankingTrainer"] == "failed"
    assert "RankingEvaluator" not in run.states
    assert run.err.startswith("error: RankingTrainer: the loss became ")
    assert "a lower learning_rate usually helps" in run.err
    assert len(run.err.splitlines()) == 3, run.err
    assert "Traceback" not in run.out + run.err
    assert run.pushed == before

    # The report was built all the same, of what there is.
    assert run.states["ReportGen"] == "done"
    assert f"What happened, as a page: {run.output / 'report' / 'index.html'}\n" in run.out
    failure = run.err.splitlines()[0].removeprefix("error: ")
    assert f"The run failed: {failure}" in run.page
    sections = run.report["sections"]
    assert sections["run"]["verdict"] == "failed"
    assert sections["run"]["metrics"]["nodes"]["RankingTrainer"]["state"] == "failed"
    assert sections["run"]["metrics"]["nodes"]["Pusher"]["state"] == "not run"
    assert sections["data"]["verdict"] == "passed"


@pytest.mark.slow
def test_model_below_the_threshold_is_not_pushed(project: Path, sample_run: PipelineRun) -> None:
    before = pushed_versions(sample_run.output)

    run = run_pipeline(project, sample_run.output, *SMALL_SAMPLE, "--set=evaluation.max_rmse=0.1")

    assert run.status == local_runner.FAILED
    assert "misses the threshold of at most 0.1" in run.summaries["RankingEvaluator"]
    assert "Pusher pushed nothing, because ranking: its model was not blessed" in run.err
    assert run.summaries["Pusher"] == (
        "nothing pushed: ranking: its model was not blessed (see its evaluator)"
    )
    # The other model is as good as it was, and is not pushed without this one.
    assert "not blessed" not in run.summaries["RetrievalEvaluator"]
    assert run.pushed == before

    models = run.report["sections"]["models"]
    assert models["verdict"] == "failed"
    assert models["metrics"]["ranking"]["evaluation"]["blessed"] is False
    [reason] = models["metrics"]["ranking"]["evaluation"]["reasons"]
    assert reason.endswith("misses the threshold of at most 0.1")
    assert reason in run.page
    assert models["metrics"]["retrieval"]["evaluation"]["blessed"] is True
