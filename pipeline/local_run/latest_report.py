"""The place where the newest report always is: `<output>/report/`."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pipeline.local_run.node_run import NodeRun
from reports.page import HTML_FILE, JSON_FILE
from reports.reading.run_data import REPORT

FOLDER: Final = "report"


def publish_report(nodes: Iterable[NodeRun], output: Path) -> Path | None:
    """Puts the run's report where the newest one always is.

    Args:
      nodes: those of the run that ended well.
      output: the root folder of the runs.

    Returns:
      The page, or None if the run has built no report, or reused one that somebody has deleted since.
    """
    found = [Path(out.uri) for node in nodes for out in node.outputs if out.channel == REPORT]
    if not found or not (found[-1] / HTML_FILE).is_file():
        return None
    folder = output / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name in (JSON_FILE, HTML_FILE):
        # One run at a time writes here, so what a killed one left is overwritten.
        staged = folder / f".{name}.staged"
        try:
            shutil.copyfile(found[-1] / name, staged)
            staged.replace(folder / name)
        finally:
            staged.unlink(missing_ok=True)
    return folder / HTML_FILE
