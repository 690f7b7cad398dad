"""What a person reads of a run, off a terminal and on one."""

import io
import logging
import re

import pytest

from contracts import artifacts
from pipeline.local_run.console import RunConsole
from pipeline.local_run.node_run import NodeRun, OutputArtifact

TITLE = "movielens: synthetic sample, split leave_last_out"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _node(node_id: str, summary: str, cached: bool = False) -> NodeRun:
    output = OutputArtifact("model", "Model", "/m", {"summary": summary})
    return NodeRun(node_id, cached, 1.25, [output])


def _epoch(epoch: int) -> None:
    logging.getLogger(artifacts.PROGRESS_LOGGER).info(
        "epoch",
        extra={"node_id": "RankingTrainer", "epoch": epoch, "epochs": 3, "metric": f"val_rmse .9{epoch}"},
    )


def _run(console: RunConsole) -> None:
    with console:
        console.node_started("RatingsGen")
        console.node_finished(_node("RatingsGen", "100,000 ratings", cached=True))
        console.node_started("RankingTrainer")
        _epoch(1)
        _epoch(2)
        console.node_finished(_node("RankingTrainer", "val_rmse .92"))
        console.node_started("RankingPusher")
        console.node_failed("RankingPusher")
    _epoch(3)  # Nobody listens any more.


def _trial(trial: int, best: str) -> None:
    logger = logging.getLogger(artifacts.PROGRESS_LOGGER)
    of_trial = {"node_id": "RankingTuner", "trial": trial, "trials": 20, "best": best}
    logger.info("epoch", extra={"epoch": 1, "epochs": 3, "metric": "val_rmse .99", **of_trial})
    logger.info("trial", extra={"metric": f"val_rmse .9{trial}", "trial_ended": True, **of_trial})


def lines_of(stream: io.StringIO) -> list[str]:
    """The lines without the time since the start, which is behind the number of the node."""
    return [
        re.sub(r"^(\d+ of \d+) \d+:\d\d ", r"\1 ", " ".join(line.split()))
        for line in stream.getvalue().splitlines()
    ]


def test_a_search_is_a_line_a_trial_off_a_terminal():
    stream = io.StringIO()
    with RunConsole(stream, ["RankingTuner"], TITLE) as console:
        console.node_started("RankingTuner")
        _trial(1, "")
        _trial(2, "best val_rmse .91 in trial 1")
    assert lines_of(stream) == [
        TITLE,
        "1 of 1 RankingTuner running",
        "1 of 1 RankingTuner trial 1 of 20: val_rmse .91",
        "1 of 1 RankingTuner trial 2 of 20 (best val_rmse .91 in trial 1): val_rmse .92",
    ]


def test_a_search_shows_trial_epoch_and_the_best_on_a_terminal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    stream = Terminal()
    with RunConsole(stream, ["RankingTuner"], TITLE) as console:
        console.node_started("RankingTuner")
        logging.getLogger(artifacts.PROGRESS_LOGGER).info(
            "epoch",
            extra={
                "node_id": "RankingTuner",
                **{"epoch": 2, "epochs": 3, "metric": "val_rmse .99"},
                **{"trial": 4, "trials": 20, "best": "best val_rmse .91 in trial 1"},
            },
        )
        console._live.refresh()  # type: ignore[union-attr]
        shown = " ".join(stream.getvalue().split())
    assert "trial 4 of 20 (best val_rmse .91 in trial 1): epoch 2 of up to 3" in shown


NODES = ["RatingsGen", "RankingTrainer", "RankingPusher", "Report"]


def test_lines_off_a_terminal():
    stream = io.StringIO()
    _run(RunConsole(stream, NODES, TITLE))
    lines = lines_of(stream)
    assert lines[:-1] == [
        TITLE,
        "1 of 4 RatingsGen running",
        "1 of 4 RatingsGen cached 1.2 s 100,000 ratings",
        "2 of 4 RankingTrainer running",
        "2 of 4 RankingTrainer epoch 1 of up to 3: val_rmse .91",
        "2 of 4 RankingTrainer epoch 2 of up to 3: val_rmse .92",
        "2 of 4 RankingTrainer done 1.2 s val_rmse .92",
        "3 of 4 RankingPusher running",
    ]
    assert lines[-1].startswith("3 of 4 RankingPusher failed")


def test_long_metrics_keep_to_their_line():
    stream = io.StringIO()
    with RunConsole(stream, ["RatingsGen"], "movielens: ml-100k") as console:
        console.node_started("RatingsGen")
        console.node_finished(_node("RatingsGen", "100,000 rows in, " * 20 + "[bold] end"))
    assert len(stream.getvalue().splitlines()) == 3
    assert stream.getvalue().endswith("[bold] end\n")


def _report(node_id: str, **progress: object) -> None:
    logging.getLogger(artifacts.PROGRESS_LOGGER).debug("progress", extra={"node_id": node_id, **progress})


def test_a_node_that_takes_long_has_a_live_count(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    stream = Terminal()
    with RunConsole(stream, NODES, TITLE) as console:
        console.node_started("RatingsGen")
        for count in (60_000, 40_000):
            _report("RatingsGen", counted="rows read", count=count)
        console._live.refresh()  # type: ignore[union-attr]
        assert "100,000 rows read" in stream.getvalue()
        console.node_finished(_node("RatingsGen", "100,000 ratings"))
        console.node_started("RankingTrainer")
        _epoch(1)
        _report("RankingTrainer", epoch=2, epochs=3, batch=40, batches=96)
        console._live.refresh()  # type: ignore[union-attr]
    # With the metric of the epoch before.
    assert "epoch 2 of up to 3, batch 40 of 96: val_rmse .91" in stream.getvalue()
    assert "1 of 4 nodes" in stream.getvalue()


def test_nodes_that_run_side_by_side_show_each_its_own_progress():
    stream = io.StringIO()
    with RunConsole(stream, ["RankingTrainer", "RankingTuner"], TITLE) as console:
        console.node_started("RankingTrainer")
        console.node_started("RankingTuner")
        _epoch(1)
        console.node_failed("RankingTuner")
        _epoch(2)
    assert [line for line in lines_of(stream) if "epoch" in line] == [
        "1 of 2 RankingTrainer epoch 1 of up to 3: val_rmse .91",
        "1 of 2 RankingTrainer epoch 2 of up to 3: val_rmse .92",
    ]


def test_batches_are_not_lines_off_a_terminal():
    stream = io.StringIO()
    with RunConsole(stream, NODES, TITLE) as console:
        console.node_started("RankingTrainer")
        for batch in range(1, 50):
            _report("RankingTrainer", epoch=1, epochs=3, batch=batch, batches=0)
    assert len(stream.getvalue().splitlines()) == 2


def test_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    terminal = Terminal()
    _run(RunConsole(terminal, NODES, TITLE))
    # The last drawing of the table is what stays.
    final = terminal.getvalue().rpartition(TITLE)[2]
    for node_id, state in zip(NODES, ["cached", "done", "failed", "not run"], strict=True):
        [line] = [line for line in final.splitlines() if line.startswith(node_id)]
        assert state in line
    assert "val_rmse .92" in final
    assert terminal.getvalue().endswith("\n\x1b[?25h")  # The cursor is back.


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_a_note_is_shown_as_it_is(stream: io.StringIO):
    with RunConsole(stream, NODES, TITLE) as console:
        console.note("/runs/[odd]/weights has changed")
    assert "/runs/[odd]/weights has changed" in stream.getvalue()
