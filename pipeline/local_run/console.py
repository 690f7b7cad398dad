"""The readable account of a run: a live table on a terminal, a line an event everywhere else."""

import logging
import time
from collections import Counter
from dataclasses import dataclass, field
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


# Between lines about a node that takes long, where there is no terminal to show it on.
_SECONDS_BETWEEN: Final = 30.0


@dataclass
class _Row:
    state: State = "waiting"
    started: float = 0.0
    seconds: float = 0.0
    shown: str = ""
    epoch: int = 0
    epochs: int = 0
    batch: int = 0
    batches: int = 0
    trial: str = ""
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def progress(self) -> str:
        """What the node has done so far: rows, or the epoch, the batch in it and the last metric."""
        if not self.epochs:
            return ", ".join(f"{count:,} {counted}" for counted, count in self.counts.items())
        batch = f", batch {self.batch:,}" if self.batch else ""
        batch += f" of {self.batches:,}" if self.batch and self.batches else ""
        metric = f": {self.shown}" if self.shown else ""
        return f"{self.trial}epoch {self.epoch} of up to {self.epochs}{batch}{metric}"


class RunConsole(logging.Handler):
    """Shows a run; a `RunObserver` and a handler of the records in which nodes report their progress."""

    def __init__(self, stream: TextIO, node_ids: list[str], title: str) -> None:
        """Prepares the account.

        Args:
          stream: where to show it; a live table if this is a terminal.
          node_ids: the nodes in the order in which they run.
          title: what runs on which data.
        """
        super().__init__(logging.DEBUG)
        self._console = Console(file=stream, highlight=False, soft_wrap=not stream.isatty())
        self._rows = {node_id: _Row() for node_id in node_ids}
        self._title = title
        self._started = self._printed = time.monotonic()
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
        self._started = self._printed = time.monotonic()
        logger = logging.getLogger(artifacts.PROGRESS_LOGGER)
        logger.addHandler(self)
        logger.setLevel(logging.DEBUG)
        if self._live:
            self._live.start()
        else:
            self._print(self._title)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it; what has not run by now does not run any more."""
        logger = logging.getLogger(artifacts.PROGRESS_LOGGER)
        logger.removeHandler(self)
        logger.setLevel(logging.NOTSET)
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
        row.state, row.started = "running", time.monotonic()
        if not self._live:
            self._print(f"{self._place(node_id)}{node_id:<26} running")

    def node_finished(self, node: NodeRun) -> None:
        """Shows the node's state, seconds and summary."""
        row = self._rows[node.node_id]
        row.state = "cached" if node.cached else "done"
        row.seconds = node.seconds
        row.shown = node_summary(node)
        self._print_row(node.node_id)

    def node_failed(self, node_id: str) -> None:
        """Shows that the node failed."""
        row = self._rows[node_id]
        row.state, row.seconds = "failed", time.monotonic() - row.started
        self._print_row(node_id)

    def note(self, message: str) -> None:
        """Shows a message, above the table if there is one."""
        self._print(message)

    def emit(self, record: logging.LogRecord) -> None:
        """Shows the rows that a node has counted, the batch and the epoch of a fit, the trial of a search."""
        node_id = getattr(record, "node_id", "")
        row = self._rows.get(node_id)
        if row is None:
            return
        if hasattr(record, "counted"):
            row.counts[record.counted] += getattr(record, "count", 0)
        else:
            row.epoch, row.epochs = getattr(record, "epoch", 0), getattr(record, "epochs", 0)
            row.batch, row.batches = getattr(record, "batch", 0), getattr(record, "batches", 0)
            row.shown = getattr(record, "metric", row.shown)
            row.trial = _trial(record) or row.trial
        if self._live:
            return
        ended = not row.batch and not hasattr(record, "counted")
        if getattr(record, "trial_ended", False):
            self._print(f"{self._place(node_id)}{node_id:<26} {row.trial}{row.shown}")
        elif (ended and not row.trial) or time.monotonic() - self._printed > _SECONDS_BETWEEN:
            # The epochs of all trials would be hundreds of lines.
            self._print(f"{self._place(node_id)}{node_id:<26} {row.progress}")

    def _place(self, node_id: str) -> str:
        """The node's number of all, and the time since the start, at the head of a line."""
        number = list(self._rows).index(node_id) + 1
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        return f"{number:>2} of {len(self._rows)} {minutes:>3}:{seconds:02}  "

    def _print_row(self, node_id: str) -> None:
        if not self._live:
            row = self._rows[node_id]
            line = f"{node_id:<26} {row.state:<7} {row.seconds:6.1f} s  {row.shown}"
            self._print(f"{self._place(node_id)}{line}".rstrip())

    def _print(self, text: str) -> None:
        # Summaries may hold brackets, which rich must not read as markup.
        self._console.print(text, markup=False)
        self._printed = time.monotonic()

    def _table(self) -> RenderableType:
        ended = sum(row.state in ("cached", "done", "failed") for row in self._rows.values())
        minutes, rest = divmod(int(time.monotonic() - self._started), 60)
        title = f"{self._title}, {ended} of {len(self._rows)} nodes, {minutes}:{rest:02}"
        table = Table(title=Text(title), title_justify="left", expand=True, box=None, pad_edge=False)
        table.add_column("node", no_wrap=True)
        table.add_column("state", no_wrap=True)
        table.add_column("seconds", justify="right", no_wrap=True)
        table.add_column("summary", ratio=1)
        for node_id, row in self._rows.items():
            seconds = time.monotonic() - row.started if row.state == "running" else row.seconds
            shown: RenderableType = Text(row.progress if row.state == "running" else row.shown)
            if row.state == "running" and row.epochs:
                within = row.batch / row.batches if row.batches else 0.0
                done = row.epoch - 1 + within if row.batch else row.epoch
                shown = Group(ProgressBar(total=row.epochs, completed=done, width=24), shown)
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
