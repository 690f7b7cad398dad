"""The notebook of examples/ goes through over a run, from the first cell to the last."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline_run import PipelineRun

pytestmark = pytest.mark.slow


def test_every_cell_of_the_tour_runs(sample_run: PipelineRun, project: Path) -> None:
    notebook = json.loads((project / "examples" / "tour.ipynb").read_text("utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]

    done = subprocess.run(
        [sys.executable, "-c", "\n\n".join(cells)],
        cwd=project,
        env={**os.environ, "TOUR_OUTPUT": str(sample_run.output)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "known user: False" in done.stdout
