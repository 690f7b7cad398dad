"""A run in a form for other programs, from the JSON of its report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reports.page import JSON_FILE
from reports.reading.setting_paths import leaves


@dataclass(frozen=True)
class RunOutcome:
    """How a run came out.

    Attributes:
      run: its id in ML Metadata; "" if no report of it was written.
      pipeline: name of the pipeline.
      data: what the data is called.
      split: the split rule.
      problem: why it failed or pushed nothing, "" if it went well.
      pushed: the version that it published, "" if none.
      metrics: over all rows of the eval split, by model and metric.
      settings: every setting by its dotted name.
      links: addresses of the report, the index of the runs and the log, those that are there.
    """

    run: str
    pipeline: str
    data: str
    split: str
    problem: str
    pushed: str = ""
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """`passed` or `failed`."""
        return "failed" if self.problem else "passed"

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON, without the settings."""
        names = ("run", "pipeline", "data", "split", "verdict", "problem", "pushed", "metrics", "links")
        return {name: getattr(self, name) for name in names}


def outcome_of(
    pipeline: str, data: str, split: str, problem: str, pages: Mapping[str, Path | None]
) -> RunOutcome:
    """Puts the outcome of a run together.

    Args:
      pipeline: name of the pipeline.
      data: what the data is called.
      split: the split rule.
      problem: as of `RunOutcome`.
      pages: files by what they are; that of `report` has its JSON beside it. None for one that is not there.
    """
    links = {name: path.resolve().as_uri() for name, path in pages.items() if path}
    page = pages.get("report")
    if page is None:
        return RunOutcome("", pipeline, data, split, problem, links=links)
    tree = json.loads(page.with_name(JSON_FILE).read_text(encoding="utf-8"))
    models = tree["sections"]["models"]["metrics"]
    evaluations = {name: (model.get("evaluation") or {}).get("metrics", {}) for name, model in models.items()}
    versions = dict.fromkeys(str(model["pushed"]) for model in models.values() if model.get("pushed"))
    return RunOutcome(
        tree["run"]["id"],
        pipeline,
        data,
        split,
        problem,
        ", ".join(versions),
        {
            model: {name: found["value"] for name, found in measured.items() if found["value"] is not None}
            for model, measured in evaluations.items()
            if measured
        },
        {
            ".".join(path): value if isinstance(value, str) else json.dumps(value)
            for path, value in leaves(tree["sections"]["run"]["metrics"].get("config", {}))
        },
        links,
    )
