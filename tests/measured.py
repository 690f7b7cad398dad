"""Python in a process of its own, measured where `COVERAGE=1 make test` measures the tests."""

import os
import sys
from pathlib import Path

_SETTINGS = Path(__file__).resolve().parents[1] / "pyproject.toml"


def python() -> list[str]:
    """How a command begins: the interpreter, and coverage where it is measured.

    A process adds its lines when it ends by itself or by SIGTERM. Those that are killed add nothing.
    """
    data_file = os.environ.get("COVERAGE_FILE")
    if not data_file:
        return [sys.executable]
    measure = ["coverage", "run", "--parallel-mode", f"--rcfile={_SETTINGS}", f"--data-file={data_file}"]
    return [sys.executable, "-m", *measure]
