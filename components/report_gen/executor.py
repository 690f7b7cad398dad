"""The work of `ReportGen`."""

import json
import posixpath
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.report_gen.run_of_artifacts import run_of_artifacts
from reports.page import write_report
from reports.reading.run_data import ABOUT, FINAL_STATUS, REPORT, Run, failure_text
from reports.reading.run_store import load_run
from reports.section import Section
from reports.sections import build_sections

# The execution properties that concern this node alone.
OUTPUT_FOLDER_KEY: Final = "output_folder"
CODE_FINGERPRINT_KEY: Final = "code_fingerprint"

# The custom property that the console shows.
SUMMARY_PROPERTY: Final = "summary"


class ReportGenExecutor(base_executor.BaseExecutor):
    """Writes the page and its JSON; an exit handler does so only where the run has failed."""

    def Do(  # noqa: N802 - the base class's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Builds the report.

        Args:
          input_dict: outputs of other nodes by `run_of_artifacts.input_key`; without any, this is an exit
            handler.
          output_dict: `report`, the artifact to fill.
          exec_properties: those of `ReportGen`.
        """
        report = artifact_utils.get_single_instance(output_dict[REPORT])
        failure = failure_text(exec_properties.get(FINAL_STATUS, ""))
        if not input_dict and not failure:
            # `ReportGen` has reported this run, with all its artifacts at hand.
            return
        with tempfile.TemporaryDirectory() as folder:
            copies, built = Path(folder) / "artifacts", Path(folder) / "report"
            run = self._run(input_dict, report.uri, exec_properties, failure, copies)
            sections = build_sections(run)
            write_report(run, sections, built)
            # The artifact may lie in a remote store, which only TFX can write to.
            for file in built.iterdir():
                io_utils.copy_file(str(file), posixpath.join(report.uri, file.name), overwrite=True)
        report.set_string_custom_property(SUMMARY_PROPERTY, _summary(sections))

    def _run(
        self,
        input_dict: dict[str, list[types.Artifact]],
        report_uri: str,
        exec_properties: dict[str, Any],
        failure: str,
        copies: Path,
    ) -> Run:
        output_folder = exec_properties.get(OUTPUT_FOLDER_KEY)
        if output_folder:
            return load_run(Path(output_folder), self._context.pipeline_run_id)
        about = json.loads(exec_properties[ABOUT])
        return run_of_artifacts(input_dict, report_uri, about, failure, copies)


def _summary(sections: Sequence[Section]) -> str:
    judged = [f"{section.title}: {section.verdict.value}" for section in sections if section.verdict]
    return ", ".join(judged) or f"{len(sections)} sections"
