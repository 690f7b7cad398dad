"""How long the light client takes to import: `python -m benchmarks.serving.client_import`.

The client is installed alone, as `pip install ./serving` does, into an environment of its own, and imported
by new processes, which find the compiled files in the disk cache. Results go to standard output as Markdown.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.tables import markdown

_PROJECT: Final = Path(__file__).resolve().parents[2]
_RUNS: Final = 15
_IMPORTS: Final = {
    "nothing": "pass",
    "NumPy": "import numpy",
    "gRPC": "import grpc",
    "serving.client": "import serving.client",
}


def main() -> int:
    """Measures and prints; returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            python = _installed(Path(folder))
        except subprocess.CalledProcessError as error:
            print(f"error: the client could not be installed: {error.stderr}", file=sys.stderr)
            return 1
        rows = [[name, *_measured(python, code)] for name, code in _IMPORTS.items()]
    print(markdown(["import", "CPU s, median", "wall s, median", "wall s, longest"], rows))
    return 0


def _installed(folder: Path) -> Path:
    """The Python of a new environment with the client in it."""
    find_uv = [str(_PROJECT / "requirements" / "find_uv.sh")]
    uv = subprocess.run(find_uv, capture_output=True, text=True, check=True).stdout.strip()
    lock = _PROJECT / "requirements" / f"py{sys.version_info.major}{sys.version_info.minor}.txt"
    environment = {**os.environ, "VIRTUAL_ENV": str(folder)}
    for command in (
        ["venv", "--no-project", "--python", sys.executable, str(folder)],
        ["pip", "install", "--compile-bytecode", "--constraint", str(lock), str(_PROJECT / "serving")],
    ):
        subprocess.run([uv, *command], env=environment, capture_output=True, text=True, check=True)
    return folder / "bin" / "python"


def _measured(python: Path, code: str) -> list[str]:
    cpu, wall = [], []
    for _ in range(_RUNS):
        before, started = os.times(), time.perf_counter()
        subprocess.run([python, "-c", code], cwd="/", check=True)
        wall.append(time.perf_counter() - started)
        after = os.times()
        cpu.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
    return [f"{value:.2f}" for value in (statistics.median(cpu), statistics.median(wall), max(wall))]


if __name__ == "__main__":
    sys.exit(main())
