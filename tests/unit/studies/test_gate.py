"""The calibration of the gate's distances on a small data set."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from movielens.sample import SampleSpec, write_sample
from pipeline.data_source import DataSource
from studies import gate
from studies.harness import Harness


def test_fair_draws_pass_and_planted_faults_do_not(tmp_path: Path) -> None:
    write_sample(SampleSpec(ratings=2_000, users=60, movies=100), tmp_path / "data")
    source = DataSource(tmp_path / "data", "tiny", synthetic=True)
    harness = Harness("gate", source, tmp_path / "work", again=False, console=Console(stderr=True))

    table = gate.run(argparse.Namespace(draws=20, sizes=[400], seed=1), harness)

    [row] = [line for line in table.splitlines() if line.startswith("| 400")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:5] == ["0.00%", "0.00%", "0.00%", "100%"]
    assert "400" in (harness.folder / "results.csv").read_text()
