"""Fits and measures one cell: a child of `harness`. A baseline's process does not load TensorFlow."""

import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from studies.cells import Cell, Outcome
from studies.child import OnProgress, as_child
from studies.data.prepared import PreparedSplit


def _work(task: dict[str, Any], on_progress: OnProgress) -> dict[str, Any]:
    cell = Cell(**task["cell"])
    split = PreparedSplit(**task["split"])
    outcome = (
        _baseline(cell, split, on_progress)
        if cell.settings is None
        else _model(cell, split, task["folder"], on_progress)
    )
    return asdict(outcome)


def _baseline(cell: Cell, split: PreparedSplit, on_progress: OnProgress) -> Outcome:
    from studies.baselines.registry import BASELINES
    from studies.baselines.tuning import measure_baseline
    from studies.data.split_data import SplitData

    def progress(number: int, count: int, best: str) -> None:
        on_progress(f"setting {number} of {count}, best on the tuning cut: {best}")

    data = SplitData.read(Path(split.arrays))
    return measure_baseline(BASELINES[cell.model], data, split.split, cell.seed, progress)


def _model(cell: Cell, split: PreparedSplit, folder: str, on_progress: OnProgress) -> Outcome:
    on_progress("loading TensorFlow")
    from studies.trained_models import train_and_measure

    # A fit that was cut short has left checkpoints.
    shutil.rmtree(folder, ignore_errors=True)
    assert cell.settings is not None
    outcome = train_and_measure(cell.task, split, dict(cell.settings), cell.seed, Path(folder), on_progress)
    # It has been measured; what the fit left beside it stays for the plots.
    shutil.rmtree(Path(folder) / "model")
    return outcome


if __name__ == "__main__":
    sys.exit(as_child(sys.argv[1:], _work))
