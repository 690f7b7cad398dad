"""The CSV of a study: a row for each finished cell, which a second run does not measure again."""

import csv
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from studies.cells import Cell, Outcome
from studies.child import StudyError
from studies.tasks import ACCURACY_METRICS, JOINT, RATING_METRICS, RETRIEVAL_METRICS, Task

METRICS: Final = (*RETRIEVAL_METRICS, *RATING_METRICS, *ACCURACY_METRICS)
# What identifies a cell; `asked` is what its settings were to be, `settings` what they were.
KEY: Final = ("data", "split", "task", "model", "seed", "asked", "code")
MEASURED: Final = (
    *METRICS,
    "fit_seconds",
    "per_second",
    "peak_mb",
    "tuning_seconds",
    "weights",
    "settings",
)
COLUMNS: Final = (*KEY, *MEASURED)

Row = dict[str, str]


class Results:
    """The finished cells, in the order in which they were measured.

    Args:
      path: the CSV file; it need not be there.

    Raises:
      StudyError: the file is something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[tuple[str, ...], Row] = {}
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                reader = csv.DictReader(file)
                if tuple(reader.fieldnames or ()) != COLUMNS:
                    raise StudyError(
                        f"{path} does not have the columns of this version; move it away to measure anew"
                    )
                for row in reader:
                    self._rows[tuple(row[name] for name in KEY)] = row

    def find(self, data: str, cell: Cell) -> Row | None:
        """The row of a cell, None if it has not been measured."""
        return self._rows.get(_key(data, cell))

    def of(self, data: str, cells: Iterable[Cell]) -> list[Row]:
        """The rows of those of `cells` that have been measured."""
        return [row for cell in cells if (row := self.find(data, cell)) is not None]

    def put(self, data: str, cell: Cell, outcome: Outcome, peak_megabytes: float) -> Row:
        """Adds a cell, or replaces it, and writes the file, whole or not at all."""
        key = _key(data, cell)
        measured: dict[str, Any] = {
            **{name: f"{value:.6f}" for name, value in outcome.metrics.items()},
            "fit_seconds": f"{outcome.fit_seconds:.3f}",
            "per_second": f"{outcome.per_second:.1f}",
            "peak_mb": f"{peak_megabytes:.0f}",
            "tuning_seconds": f"{outcome.tuning_seconds:.3f}",
            "weights": "" if outcome.weights is None else str(outcome.weights),
            "settings": json.dumps(dict(outcome.settings), sort_keys=True),
        }
        row = {**dict(zip(KEY, key, strict=True)), **{name: measured.get(name, "") for name in MEASURED}}
        self._rows[key] = row
        beside = self._path.with_suffix(".new")
        with beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows.values())
        os.replace(beside, self._path)
        return row


def does(row: Row, task: Task) -> bool:
    """Whether a model is trained for a task; a joint model is where the loss of the task counts."""
    if row["task"] != JOINT:
        return row["task"] == task
    return bool(json.loads(row["settings"])[f"{task}_weight"])


def _key(data: str, cell: Cell) -> tuple[str, ...]:
    return data, cell.split, cell.task, cell.model, str(cell.seed), cell.asked, cell.code
