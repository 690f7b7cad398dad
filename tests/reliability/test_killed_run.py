"""A run is killed at one point after the other, and in the end it is like an undisturbed one."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import local_runner
from tests.pipeline_run import (
    SERVABLES,
    SMALL_SAMPLE,
    PipelineRun,
    node_states,
    pushed_versions,
    run_pipeline,
)
from tests.reliability.killed_run import KilledRun, metrics, run_until, states, unknown_outputs

# The first test waits for eight runs of the pipeline. All tests are on one worker, which makes them once, and
# beside the worker with the other tests of the sample run, which take as long.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600), pytest.mark.xdist_group("killed_run")]

# Library lines come through, and the launcher logs when the executor of a node is about to work.
FLAGS = (*SMALL_SAMPLE, "--verbose")
WORKS = "Going to run a new execution: "

POINTS = {
    "RatingsGen": ("RatingsGen +running", WORKS),
    "Transform": ("Transform +running", WORKS),
    "RankingTrainer": ("RankingTrainer +epoch 2 ",),
    "RetrievalEvaluator": ("RetrievalEvaluator +running", WORKS),
    "Pusher": ("Pusher +running", WORKS),
}
INTERRUPTED = ("RankingTrainer +epoch 1 ",)


@dataclass(frozen=True)
class Series:
    """Runs on one output folder, each ended before its time but for the last.

    Attributes:
      killed: by node in which it was killed.
      interrupted: the run after the one killed in training, ended by Ctrl-C in training.
      left: what the interrupted run left: states by node, and unknown folders of artifacts.
      last: the run that came to its end.
    """

    killed: dict[str, KilledRun]
    interrupted: KilledRun
    left: tuple[dict[str, list[str]], list[Path]]
    last: PipelineRun


@pytest.fixture(scope="module")
def series(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Series:
    output = tmp_path_factory.mktemp("a folder") / "runs"
    killed = {}
    for node, points in POINTS.items():
        killed[node] = run_until(project, output, *FLAGS, points=points)
        if node == "RankingTrainer":
            # The executor of the other trainer runs in a process of its own.
            interrupted = run_until(
                project, output, *FLAGS, "--jobs=2", points=INTERRUPTED, send=signal.SIGINT
            )
            left = (states(output), unknown_outputs(output))
    last = run_pipeline(project, output, *SMALL_SAMPLE)
    assert last.status == 0, last.out + last.err
    return Series(killed, interrupted, left, last)


def test_the_end_is_that_of_an_undisturbed_run(series: Series, sample_run: PipelineRun) -> None:
    undisturbed = metrics(sample_run.report)
    assert {"ranking rmse", "retrieval recall@10"} <= undisturbed.keys()
    assert metrics(series.last.report) == pytest.approx(undisturbed, abs=1e-4)
    assert {name: len(found) for name, found in series.last.pushed.items()} == dict.fromkeys(SERVABLES, 1)


@pytest.mark.parametrize("node", POINTS)
def test_a_killed_run_names_node_and_cause_and_how_to_go_on(node: str, series: Series) -> None:
    run = series.killed[node]

    assert run.status == -signal.SIGKILL
    error, log, last = run.err.splitlines()[-3:]
    assert error.startswith(f"error: {node}: the process was killed")
    assert log.startswith(f"log: {series.last.output}/logs/")
    assert tuple(shlex.split(last))[1:] == run.command[1:]


def test_what_is_done_comes_from_the_cache_and_what_was_cut_short_starts_again(series: Series) -> None:
    runs = [node_states(run.out) for run in series.killed.values()]
    runs.append(series.last.states)
    done: set[str] = set()
    for cut_short, before, after in zip(POINTS, runs, runs[1:], strict=False):
        done |= {node for node, state in before.items() if state in ("done", "cached")}
        assert {after[node] for node in done} == {"cached"}
        assert cut_short not in done
        assert after.get(cut_short, "killed again") != "cached"


def test_nothing_stays_of_the_executions_that_were_killed(series: Series) -> None:
    found = states(series.last.output)

    assert not {"NEW", "RUNNING", "UNKNOWN"} & {state for ended in found.values() for state in ended}
    # Killed, interrupted, and come to its end in the run that was killed in the next node but one.
    assert found["RankingTrainer"][:3] == ["CANCELED", "CANCELED", "COMPLETE"]
    assert unknown_outputs(series.last.output) == []
    # The next run shows it.
    assert "RankingTrainer was cut short in an earlier run" in series.interrupted.out


def test_an_interrupted_run_cleans_up_at_once(series: Series) -> None:
    run, (found, folders) = series.interrupted, series.left

    assert run.status == local_runner.INTERRUPTED
    error, _, last = run.err.splitlines()[-3:]
    assert error == "error: interrupted"
    assert tuple(shlex.split(last))[1:] == run.command[1:]
    assert found["RankingTrainer"] == ["CANCELED", "CANCELED"]
    assert not {"NEW", "RUNNING"} & {state for ended in found.values() for state in ended}
    assert folders == []


def test_a_changed_file_is_named_and_made_again_with_what_stands_on_it(series: Series, project: Path) -> None:
    [file] = (series.last.output / "artifacts" / "RankingEvaluator" / "evaluation").glob("*/metrics-*")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    times = file.stat()
    file.write_bytes(content)
    # Neither the size nor the time shows it.
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    run = run_pipeline(project, series.last.output, *SMALL_SAMPLE)

    assert run.status == 0, run.out + run.err
    assert f"{file} has changed since it was written" in run.out
    assert run.nodes_run == {"RankingEvaluator", "Pusher", "ReportGen"}
    assert metrics(run.report) == pytest.approx(metrics(series.last.report), abs=1e-4)
    assert run.pushed == series.last.pushed


@pytest.fixture
def small_disk(series: Series) -> Iterator[Path]:
    """The same output folder on a disk of its own, with room for logs and metadata and for no other model."""
    output = series.last.output
    aside = output.with_name("aside")
    shutil.copytree(output, aside)
    used = sum(-(-path.stat().st_size // 4096) * 4096 for path in output.rglob("*") if path.is_file())
    mount = ["mount", "-t", "tmpfs", "-o", f"size={used + 2_500_000}", "tmpfs", str(output)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs the right to mount a file system: {done.stderr.strip()}")
    try:
        shutil.copytree(aside, output, dirs_exist_ok=True)
        yield output
    finally:
        subprocess.run(["umount", "-l", str(output)], check=True)
        shutil.rmtree(aside)


def test_a_full_and_a_read_only_disk(small_disk: Path, project: Path) -> None:
    before = pushed_versions(small_disk)
    served = {file: file.read_bytes() for file in (small_disk / "serving").rglob("*") if file.is_file()}
    changed = (*SMALL_SAMPLE, "--set=ranking.epochs=2")

    full = run_pipeline(project, small_disk, *changed)

    assert full.status == local_runner.FAILED
    assert full.states["RankingTrainer"] == "failed"
    error, _, last = full.err.splitlines()
    assert error.startswith("error: RankingTrainer: No space left on device: free space below ")
    assert str(small_disk) in error
    assert last.endswith("--set=ranking.epochs=2")
    assert full.pushed == before
    assert {file: file.read_bytes() for file in served} == served

    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    read_only = run_pipeline(project, small_disk, *changed)

    assert read_only.status == local_runner.BAD_INPUT
    assert read_only.err == (
        f"error: {small_disk} cannot be written (Read-only file system); name another folder with --output\n"
    )

    subprocess.run(["mount", "-o", "remount,rw,size=1g", str(small_disk)], check=True)
    resumed = run_pipeline(project, small_disk, *changed)

    assert resumed.states["Transform"] == "cached"
    assert resumed.states["RankingTrainer"] == "done"
    assert "Pusher" in resumed.states
    assert not {"NEW", "RUNNING"} & {state for ended in states(small_disk).values() for state in ended}
