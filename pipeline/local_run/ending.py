"""What happens when the nodes of a run have ended: the report in its place, the index, what is sent out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.config import PipelineConfig
from pipeline.export.outcome import outcome_of
from pipeline.export.sending import sent
from pipeline.local_run.latest_report import publish_report
from pipeline.local_run.node_run import NodeRun
from reports.index.page import write_index


class RunEnding:
    """The pages about a run that has ended.

    Args:
      nodes: those that ended well.
      config: of the run.
      data: what the data is called.
      log_path: the log file of the run.

    Attributes:
      report: the page about the run, None if it has built none.
      index: the page of all runs, None if it could not be written.
    """

    def __init__(self, nodes: Sequence[NodeRun], config: PipelineConfig, data: str, log_path: Path) -> None:
        self._config, self._data, self._log_path = config, data, log_path
        output = Path(config.output)
        self.report = publish_report(nodes, output)
        self.index: Path | None = None
        try:
            self.index = write_index(output).html
        except Exception:  # A report that somebody damaged must not fail a run that is done.
            logging.exception("the index of the runs could not be written")

    def sent(self, problem: str) -> Iterator[str]:
        """Sends the run out; yields a line about each receiver.

        Args:
          problem: why the run failed or pushed nothing, "" if it went well.
        """
        export = self._config.export
        if not (export.mlflow_uri or export.webhook):
            return
        pages = {"report": self.report, "index": self.index, "log": self._log_path}
        try:
            outcome = outcome_of(
                self._config.pipeline_name, self._data, self._config.data.split_name, problem, pages
            )
        except (OSError, ValueError, LookupError):
            logging.exception("the outcome of the run could not be read from its report")
            yield f"export: NOT SENT: {self.report} cannot be read; the log has the details"
            return
        yield from sent(export, outcome)
