"""What each run has left of its report: verdict, metrics, thresholds, pushed versions and drift."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contracts.signatures import JOINT, RECOMMENDER
from reports.page import HTML_FILE, JSON_FILE
from reports.reading.run_data import REPORT, Run
from reports.section import Estimate
from reports.verdict import Verdict

# Below the output folder of the runs, one folder a report that was built by hand, and the index.
REPORTS_FOLDER: Final = "reports"

_DRIFT: Final = "drift: "


@dataclass(frozen=True)
class RecordedRun:
    """A run with the newest report about it.

    Attributes:
      run: as its metadata has it.
      page: the report, None if there is none.
      sections: of its JSON, by id; empty without a report.
    """

    run: Run
    page: Path | None
    sections: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, run: Run) -> RecordedRun:
        """Reads the newest report of a run."""
        page = newest_report(run)
        text = page.with_name(JSON_FILE).read_text(encoding="utf-8") if page else "{}"
        return cls(run, page, json.loads(text).get("sections", {}))

    @property
    def series(self) -> str:
        """Data and split rule; metrics of one series can be compared."""
        data = self.run.config.get("data")
        split = data.get("split", "unknown split") if isinstance(data, Mapping) else "unknown split"
        return f"{self.run.data_name}, {split}"

    @property
    def verdict(self) -> Verdict | None:
        """Failed where the run did, else that of its overview."""
        if self.run.failure:
            return Verdict.FAILED
        found = self.sections.get("overview", {}).get("verdict")
        return Verdict(found) if found else None

    @property
    def pushed(self) -> str:
        """The version that the run published, "" if none."""
        versions = [str(model["pushed"]) for model in self._models.values() if model.get("pushed")]
        return ", ".join(dict.fromkeys(versions))

    def metric(self, name: str) -> Estimate | None:
        """A metric over all rows: of the list that users get where that has it, else of a stage."""
        found = self._evaluation_with(name).get("metrics", {}).get(name)
        return Estimate(found["value"], found["lower"], found["upper"]) if found else None

    def limit(self, name: str) -> float | None:
        """The absolute threshold that the metric had to reach, None if there was none."""
        limit: float | None = self._evaluation_with(name).get("limits", {}).get(name)
        return limit

    @property
    def drift(self) -> dict[str, tuple[float, float]]:
        """What the gate measured against the last accepted run: value and threshold by feature."""
        checks = self.sections.get("data", {}).get("metrics", {}).get("checks", {})
        return {
            feature: (found["value"], found["threshold"])
            for name, by_feature in checks.items()
            if name.startswith(_DRIFT)
            for feature, found in by_feature.items()
            if found["threshold"]
        }

    @property
    def _models(self) -> Mapping[str, Mapping[str, Any]]:
        models: Mapping[str, Mapping[str, Any]] = self.sections.get("models", {}).get("metrics", {})
        return models

    def _evaluation_with(self, metric: str) -> Mapping[str, Any]:
        order = sorted(self._models, key=lambda name: name not in (RECOMMENDER, JOINT))
        evaluations = (self._models[name].get("evaluation") or {} for name in order)
        return next((found for found in evaluations if metric in found.get("metrics", {})), {})


def newest_report(run: Run) -> Path | None:
    """The newest report of the run that is there: what was built by hand, or what the run wrote."""
    pages = [report_folder(run.output, run.id) / HTML_FILE]
    pages += [artifact.folder / HTML_FILE for _, artifact in run.outputs(REPORT)]
    there = [page for page in pages if page.is_file() and page.with_name(JSON_FILE).is_file()]
    return max(there, key=lambda page: page.stat().st_mtime, default=None)


def report_folder(output: Path, name: str) -> Path:
    """The folder of a report that is built by hand."""
    # Not every system allows a colon in a file name, and reports are sent around.
    return output / REPORTS_FOLDER / name.replace(":", "-").replace(" ", "_")
