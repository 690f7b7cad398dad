"""The command of an installation: `movielens-recommender run` is `python local_runner.py` of a checkout."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Final

_MODULES: Final = {"run": "local_runner", "compile": "kubeflow_runner"}
_USAGE: Final = """\
usage: movielens-recommender {run,compile} [FLAG ...]

  run        run the pipeline on this machine, from raw ratings to pushed models
  compile    compile it for Kubeflow Pipelines

`movielens-recommender run --help` lists the flags. The other commands are modules of the same environment:
python -m pipeline, movielens, serving, reports.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that the first argument names and returns the exit status."""
    command, *flags = (sys.argv[1:] if argv is None else argv) or [""]
    if command in ("-h", "--help"):
        print(_USAGE, end="")
        return 0
    if command not in _MODULES:
        problem = f"there is no command '{command}'" if command else "a command is missing"
        print(f"{_USAGE}\nerror: {problem}", file=sys.stderr)
        return 2
    return int(importlib.import_module(_MODULES[command]).main(flags))
