"""`serving-skew`: logged requests beside the data that the served version was trained on."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.table import Table

from contracts.catalogue import CATALOGUE_FILE
from contracts.signatures import JOINT, RANKING, RECOMMENDER, RETRIEVAL
from pipeline.commands.dialogue import plain_console
from pipeline.commands.version_listing import ListedVersion, VersionError, listed_versions
from pipeline.config import PipelineConfig
from pipeline.local_run.run_summary import shown
from reports.errors import ReportError
from reports.reading.run_store import load_run
from reports.requests.logged import RequestLogs, read_logs
from reports.requests.page import judge, write_requests_page
from reports.requests.section import JudgedRequests
from reports.verdict import Verdict

__all__ = ["ReportError", "VersionError", "compare"]

# Where a version is looked for: those with a catalogue come first.
_SERVABLES: Final = (RECOMMENDER, JOINT, RETRIEVAL, RANKING)


def compare(output: str, folders: Sequence[str], version: int | None) -> bool:
    """Writes the report and prints the distances.

    Args:
      output: the output folder of the runs.
      folders: of the logs.
      version: whose requests are compared; None stands for the newest that has some.

    Returns:
      False if a distance is above its threshold or a request holds what the schema does not allow.

    Raises:
      ReportError: the logs, or what the run has left, cannot be read, or nothing can be compared.
      VersionError: the version is not below the output folder.
    """
    paths = [Path(folder) for folder in folders]
    logs = read_logs(paths)
    chosen = _chosen(logs, version)
    folder, listed = _pushed(output, chosen)
    if listed.manifest is None or not listed.manifest.provenance.run_id:
        raise VersionError(f"version {chosen}: its manifest does not name the run that trained it")
    run = load_run(Path(output), listed.manifest.provenance.run_id)
    judged = judge(run, chosen, logs, folder / str(chosen) / CATALOGUE_FILE)
    if not judged.compared:
        raise ReportError(f"the requests of version {chosen} hold nothing that the training data has too")
    report = write_requests_page(run, judged, paths)
    _print(judged)
    print(shown(str(report.html)))
    return judged.verdict is not Verdict.FAILED


def _chosen(logs: RequestLogs, version: int | None) -> int:
    if not logs.versions:
        raise ReportError("the logs do not hold a request that was answered")
    if version is None:
        return max(logs.versions)
    if version not in logs.versions:
        there = ", ".join(map(str, sorted(logs.versions)))
        raise ReportError(f"the logs do not hold requests of version {version}, but of {there}")
    return version


def _pushed(output: str, version: int) -> tuple[Path, ListedVersion]:
    config = PipelineConfig(output=output)
    for name in _SERVABLES:
        folder = config.serving_dir(name)
        if (found := listed_versions(folder).get(version)) is not None:
            return Path(folder), found
    serving = shown(posixpath.dirname(config.serving_dir(RECOMMENDER)))
    raise VersionError(f"{serving} lacks version {version}, which answered; name the output with --output")


def _print(judged: JudgedRequests) -> None:
    table = Table(title=f"Requests of version {judged.version} beside the train split of run {judged.run_id}")
    for name in ("feature", "measure", "distance", "threshold", "verdict"):
        table.add_column(name)
    for check in judged.checks:
        table.add_row(
            check.feature, check.measure, f"{check.value:.4f}", f"{check.threshold:.4f}", check.verdict.value
        )
    console = plain_console()
    console.print(table)
    for found in judged.anomalies:
        console.print(f"{found.table}, {found.feature}: {found.summary} {found.description}")
