"""The readable account of a run: a live table on a terminal, a line an event everywhere else."""

import logging
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from contracts import artifacts
from pipeline.local_run.node_metrics import node_summary
from pipeline.local_run.node_run import NodeRun

State = Literal["waiting", "running", "cached", "done", "failed", "not run"]
_STYLES: Final[dict[State, str]] = {
    "waiting": "dim",
    "running": "bold cyan",
    "cached": "blue",
    "done": "green",
    "failed": "bold red",
    "not run": "dim",
}


@dataclass
class _Row:
    state: State = "waiting"
    started: float = 0.0
    seconds: float = 0.0
    shown: str = ""
    epoch: int = 0
    epochs: int = 0
    trial: str = ""


class RunConsole(logging.Handler):
    """Shows a run; a `RunObserver` and, for the epochs, a handler of the trainers' log records."""

    def __init__(self, stream: TextIO, node_ids: list[str], title: str, data_note: str = "") -> None:
        """Prepares the account.

        Args:
          stream: where to show it; a live table if this is a terminal.
          node_ids: the nodes in the order in which they run.
          title: what runs on which data.
          data_note: is put behind every summary and metric: the data it was measured on.
        """
        super().__init__(logging.INFO)
        self._console = Console(file=stream, highlight=False, soft_wrap=not stream.isatty())
        self._rows = {node_id: _Row() for node_id in node_ids}
        self._title = title
        self._data_note = data_note
        self._running = ""
        self._live: Live | None = None
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            # Standard output and error are the log file's by now; rich must not take them back.
            self._live = Live(
                get_renderable=self._table,
                console=self._console,
                refresh_per_second=4,
                redirect_stdout=False,
                redirect_stderr=False,
                vertical_overflow="visible",
            )

    def __enter__(self) -> "RunConsole":
        """Starts the account."""
        logger = logging.getLogger(artifacts.PROGRESS_LOGGER)
        logger.addHandler(self)
        logger.setLevel(logging.INFO)
        if self._live:
            self._live.start()
        else:
            self._print(self._title)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it; what has not run by now does not run any more."""
        logging.getLogger(artifacts.PROGRESS_LOGGER).removeHandler(self)
        for row in self._rows.values():
            if row.state == "waiting":
                row.state = "not run"
            elif row.state == "running":
                row.state, row.seconds = "failed", time.monotonic() - row.started
        if self._live:
            self._live.stop()

    def node_started(self, node_id: str) -> None:
        """Shows that the node runs."""
        row = self._rows[node_id]
        row.state, row.started, self._running = "running", time.monotonic(), node_id
        if not self._live:
            self._print(f"{node_id:<28} running")

    def node_finished(self, node: NodeRun) -> None:
        """Shows the node's state, seconds and summary."""
        row = self._rows[node.node_id]
        row.state = "cached" if node.cached else "done"
        row.seconds = node.seconds
        row.shown = self.with_data_note(node_summary(node))
        self._running = ""
        self._print_row(node.node_id)

    def node_failed(self, node_id: str) -> None:
        """Shows that the node failed."""
        row = self._rows[node_id]
        row.state, row.seconds, self._running = "failed", time.monotonic() - row.started, ""
        self._print_row(node_id)

    def note(self, message: str) -> None:
        """Shows a message, above the table if there is one."""
        self._print(message)

    def emit(self, record: logging.LogRecord) -> None:
        """Shows the epoch that a trainer reports, and the trial that a tuner does."""
        row = self._rows.get(self._running)
        if row is None:
            return
        row.epoch, row.epochs = getattr(record, "epoch", 0), getattr(record, "epochs", 0)
        row.shown = self.with_data_note(getattr(record, "metric", ""))
        row.trial = _trial(record)
        if self._live:
            return
        if getattr(record, "trial_ended", False):
            self._print(f"{self._running:<28} {row.trial}{row.shown}")
        elif not row.trial:  # The epochs of all trials would be hundreds of lines.
            self._print(f"{self._running:<28} epoch {row.epoch} of up to {row.epochs}: {row.shown}")

    def with_data_note(self, text: str) -> str:
        """The summary or metric and which data it was measured on."""
        return f"{text} [{self._data_note}]" if text and self._data_note else text

    def _print_row(self, node_id: str) -> None:
        if not self._live:
            row = self._rows[node_id]
            self._print(f"{node_id:<28} {row.state:<7} {row.seconds:6.1f} s  {row.shown}".rstrip())

    def _print(self, text: str) -> None:
        # Summaries may hold brackets, which rich must not read as markup.
        self._console.print(text, markup=False)

    def _table(self) -> RenderableType:
        table = Table(title=Text(self._title), title_justify="left", expand=True, box=None, pad_edge=False)
        table.add_column("node", no_wrap=True)
        table.add_column("state", no_wrap=True)
        table.add_column("seconds", justify="right", no_wrap=True)
        table.add_column("summary", ratio=1)
        for node_id, row in self._rows.items():
            seconds = time.monotonic() - row.started if row.state == "running" else row.seconds
            shown: RenderableType = Text(row.shown)
            if row.state == "running" and row.epochs:
                bar = ProgressBar(total=row.epochs, completed=row.epoch, width=24)
                shown = Group(bar, Text(f"{row.trial}epoch {row.epoch} of up to {row.epochs}: {row.shown}"))
            table.add_row(
                node_id,
                Text(row.state, style=_STYLES[row.state]),
                f"{seconds:.1f}" if row.state not in ("waiting", "not run") else "",
                shown,
            )
        return table


def _trial(record: logging.LogRecord) -> str:
    """Such as "trial 3 of 20 (best val_rmse 0.9312 in trial 1): "; "" for a fit that is not a trial."""
    if not hasattr(record, "trial"):
        return ""
    best = getattr(record, "best", "")
    return f"trial {record.trial} of {getattr(record, 'trials', 0)}{f' ({best})' if best else ''}: "
