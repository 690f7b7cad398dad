"""Measures the cells of a study one after the other, each in a process of its own, and keeps what is done."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from contracts.metrics import NDCG_AT, RECALL_AT
from pipeline.data_source import DataSource
from pipeline.local_run.run_lock import run_lock
from studies.cells import Cell, Outcome
from studies.child import OnProgress, run_child
from studies.data.prepared import PreparedSplit, prepare
from studies.results import Results, Row
from studies.tasks import RATING_METRICS

_WORKER: Final = "studies.cell_worker"
RESULTS_FILE: Final = "results.csv"


class Harness:
    """The measurements of one study below a work folder.

    Args:
      study: its name, and that of its folder.
      source: the raw files that it measures on.
      work: prepared splits and the folders of studies are below it.
      again: measures cells anew that are done.
      console: for progress.
    """

    def __init__(self, study: str, source: DataSource, work: Path, *, again: bool, console: Console) -> None:
        self.folder = work / study
        self.source = source
        self._work = work
        self._again = again
        self.console = console
        self._prepared: dict[str, PreparedSplit] = {}

    def run(self, cells: Sequence[Cell]) -> list[Row]:
        """Measures what is not in the results yet; returns the rows of `cells` in their order.

        Raises:
          StudyError: a split could not be prepared or a fit failed. What was done before is kept.
          OutputInUseError: another study writes below the work folder.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
        with (
            run_lock(self._work),
            Progress(
                *columns, console=self.console, transient=True, disable=not self.console.is_terminal
            ) as bar,
        ):
            results = Results(self.folder / RESULTS_FILE)
            task = bar.add_task("")
            for number, cell in enumerate(cells, 1):
                title = f"{number}/{len(cells)} {cell.split}, {cell.model}, seed {cell.seed}"
                if not self._again and (row := results.find(self.source.name, cell)) is not None:
                    self._print_row(title, row, "kept")
                    continue
                bar.reset(task, description=title)

                def on_progress(line: str, title: str = title) -> None:
                    bar.update(task, description=f"{title}: {line}")

                split = self._prepare(cell.split, on_progress)
                folder = self.cell_folder(cell)
                folder.mkdir(parents=True, exist_ok=True)
                work = {"cell": cell.to_json(), "split": vars(split), "folder": str(folder / "fit")}
                done = run_child(_WORKER, work, folder / "log.txt", on_progress)
                row = results.put(self.source.name, cell, Outcome(**done.values), done.peak_megabytes)
                self._print_row(title, row, f"{float(row['fit_seconds']):.1f} s")
            return results.of(self.source.name, cells)

    def cell_folder(self, cell: Cell) -> Path:
        """Where the log of a cell is, and what its fit left (`fit/run`)."""
        identity = "\0".join(
            (self.source.name, cell.split, cell.task, cell.model, str(cell.seed), cell.asked)
        )
        readable = "".join(sign if sign.isalnum() else "-" for sign in f"{cell.split}-{cell.model}")
        return (
            self.folder
            / "cells"
            / f"{readable}-{cell.seed}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"
        )

    def prepare(self, name: str) -> PreparedSplit:
        """Makes a split, or finds it; errors as of `run`."""
        with run_lock(self._work):
            return self._prepare(name, lambda line: self.console.print(line, markup=False))

    def _prepare(self, name: str, on_progress: OnProgress) -> PreparedSplit:
        if name not in self._prepared:
            self._prepared[name] = prepare(self.source, name, self._work, on_progress)
        return self._prepared[name]

    def _print_row(self, title: str, row: Row, ending: str) -> None:
        shown = [name for name in (RECALL_AT[10], NDCG_AT[10], *RATING_METRICS) if row[name]]
        metrics = ", ".join(f"{name} {float(row[name]):.4f}" for name in shown)
        self.console.print(f"{title}: {metrics}, {ending}", markup=False, soft_wrap=True)
