"""Two runs side by side: metrics, better or worse, settings, and the distance between their data."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from contracts import metrics
from contracts.signatures import SERVABLES
from reports.data import distances, drift
from reports.page import Head, Report, as_json, write_page
from reports.reading.run_data import Run
from reports.reading.setting_paths import pairs
from reports.section import Cell, Column, Estimate, Part, Section, Table
from reports.sections import build_sections
from reports.verdict import RunChange

_MODELS: Final = "models"


def write_comparison(left: Run, right: Run, folder: Path) -> Report:
    """Writes the page that compares two runs, and the JSON of both beside it."""
    sections = build_sections(left), build_sections(right)
    values = {
        "left": as_json(left, sections[0]),
        "right": as_json(right, sections[1]),
    }
    again = shlex.join(["python", "-m", "reports", "compare", left.id, right.id])
    head = Head(
        title=f"{left.data_name} and {right.data_name} compared"
        if left.data_name != right.data_name
        else f"Two runs on {left.data_name} compared",
        about=f"Left: run {left.id}. Right: run {right.id}.",
        synthetic=left.synthetic or right.synthetic,
        footer=f"This file loads nothing from anywhere. To build it again: {again} --output {left.output}",
    )
    page = (
        _metrics(values["left"], values["right"]),
        _outcome(*sections),
        _settings(left, right),
        _data(left, right),
        _numbers(values["left"], values["right"]),
    )
    return write_page(head, page, values, folder)


def change_of(name: str, left: Estimate, right: Estimate) -> RunChange:
    """How a metric of the right run is beside that of the left one.

    The runs count as independent, so the interval of the difference is as wide as those of both together:
    the root of the sum of squares. The two measure the same users in many cases, which makes the true one
    narrower; so what is called better or worse is so all the more.
    """
    bounds = (left.lower, left.upper, right.lower, right.upper)
    if name in metrics.NEITHER_IS_BETTER or None in bounds:
        return RunChange.UNJUDGED
    widths = [(found.upper or 0.0) - (found.lower or 0.0) for found in (left, right)]
    difference = right.value - left.value
    if not abs(difference) > math.hypot(*widths) / 2:
        return RunChange.WITHIN
    return RunChange.BETTER if (difference < 0) == (name in metrics.LOWER_IS_BETTER) else RunChange.WORSE


def _metrics(left: Mapping[str, Any], right: Mapping[str, Any]) -> Section:
    parts, changes = [], []
    # The list that users get comes first.
    for model in reversed(SERVABLES):
        then, now = (_measured(side, model) for side in (left, right))
        rows: list[tuple[Cell, ...]] = []
        for name in then:
            if name not in now:
                continue
            change = change_of(name, then[name], now[name])
            changes.append((f"{model} {name}", change))
            rows.append((name, change, then[name], now[name], now[name].value - then[name].value))
        if rows:
            table = Table(
                f"metrics-{model}-table",
                f"Metrics of {model} on the eval split of each run, with intervals of 95 %.",
                (
                    Column("metric"),
                    Column("change"),
                    Column("left", ".4f"),
                    Column("right", ".4f"),
                    Column("right - left", "+.4f"),
                ),
                tuple(rows),
            )
            parts.append(Part(f"metrics-{model}", model.capitalize(), tables=(table,)))
    if not parts:
        return Section("metrics", "Metrics", "There is no model that both runs have evaluated.", ())
    answer = "; ".join(
        f"{change.value}: {', '.join(names)}"
        for change in (RunChange.BETTER, RunChange.WORSE)
        if (names := [name for name, found in changes if found is change])
    )
    within = sum(found is RunChange.WITHIN for _, found in changes)
    return Section(
        "metrics",
        "Metrics",
        f"Beyond the interval: {answer}."
        if answer
        else f"None of {within} metrics differs beyond its interval.",
        tuple(parts),
    )


def _measured(side: Mapping[str, Any], model: str) -> dict[str, Estimate]:
    found = side["sections"].get(_MODELS, {}).get("metrics", {}).get(model, {}).get("evaluation") or {}
    return {
        name: Estimate(measure["value"], measure["lower"], measure["upper"])
        for name, measure in found.get("metrics", {}).items()
    }


def _outcome(left: Sequence[Section], right: Sequence[Section]) -> Section:
    others = {section.id: section for section in right}
    rows = [
        (section.title, section.verdict, section.answer, other.verdict, other.answer)
        for section in left
        if (other := others.get(section.id)) is not None
    ]
    table = Table(
        "outcome-table",
        "Each section of both reports in one line.",
        tuple(map(Column, ("section", "left", "left in one line", "right", "right in one line"))),
        tuple(rows),
    )
    changed = [str(row[0]) for row in rows if row[1] != row[3]]
    answer = (
        f"Another verdict in: {', '.join(changed)}." if changed else "Every section has the same verdict."
    )
    return Section("outcome", "Outcome", answer, (Part("outcome-sections", "Sections", tables=(table,)),))


def _settings(left: Run, right: Run) -> Section:
    rows = tuple(
        (".".join(path), _text(one), _text(other))
        for path, one, other in pairs(left.config, right.config)
        if one != other
    )
    answer = f"{len(rows)} settings differ." if len(rows) != 1 else "One setting differs."
    table = Table(
        "settings-table",
        "Settings that differ.",
        tuple(map(Column, ("setting", "left", "right"))),
        rows,
        filterable=True,
        empty="Both runs have the same settings.",
    )
    return Section(
        "settings", "Settings", answer, (Part("settings-that-differ", "Differences", tables=(table,)),)
    )


def _data(left: Run, right: Run) -> Section:
    checks = drift.drift(right, left, "right and left run")
    text = ["Right run's data against left run's, with the measure and the thresholds of the data gate."]
    if lacking := drift.lacking(left, right):
        text.append(
            f"The data gate of run {' and '.join(lacking)} has left no counts of values: it did not judge, "
            "or an earlier version of this project did."
        )
    part = distances.checks_part(checks, text)
    return Section("data", "Data", part.answer, (part,), verdict=part.verdict)


def _numbers(left: Mapping[str, Any], right: Mapping[str, Any]) -> Section:
    """Every other number of the reports: seconds, counts, statistics."""
    parts = []
    differing = total = 0
    for section_id, one in left["sections"].items():
        other = right["sections"].get(section_id, {"metrics": {}})
        rows = list(_differing(one["metrics"], other["metrics"]))
        total += len(rows)
        shown = tuple(row for row in rows if row[1] != row[2])
        differing += len(shown)
        if shown:
            table = Table(
                f"numbers-{section_id}-table",
                f"Numbers of {one['title']} that differ.",
                (
                    Column("number"),
                    Column("left", ",.6g"),
                    Column("right", ",.6g"),
                    Column("right - left", "+,.4g"),
                    Column("in relation to left", "+.1%"),
                ),
                shown,
                filterable=True,
                folded=True,
            )
            parts.append(Part(f"numbers-{section_id}", one["title"], tables=(table,)))
    return Section("numbers", "Other numbers", f"{differing} of {total} numbers differ.", tuple(parts))


def _differing(left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[tuple[Cell, ...]]:
    """Every number that both have; what is judged above and the settings are left out."""
    for path, a, b in pairs(left, right):
        if path[0] == "config" or "evaluation" in path or not (_is_number(a) and _is_number(b)):
            continue
        yield " / ".join(path), a, b, b - a, (b - a) / abs(a) if a else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return "not set" if value is None else value if isinstance(value, str) else json.dumps(value)
