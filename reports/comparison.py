"""Two runs side by side: settings and metrics that differ, and the distance between their data."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reports.data import distances
from reports.data import section as data_section
from reports.page import Head, Report, as_json, write_page
from reports.reading.run_data import Run
from reports.section import Cell, Column, Part, Section, Table
from reports.sections import build_sections

Keys = tuple[str, ...]


def write_comparison(left: Run, right: Run, folder: Path) -> Report:
    """Writes the page that compares two runs, and the JSON of both beside it."""
    sections = build_sections(left), build_sections(right)
    metrics = {
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
        _outcome(*sections),
        _settings(left, right),
        _metrics(metrics["left"], metrics["right"]),
        _data(left, right),
    )
    return write_page(head, page, metrics, folder)


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
        for path, one, other in _pairs(left.config, right.config)
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


def _metrics(left: Mapping[str, Any], right: Mapping[str, Any]) -> Section:
    parts = []
    differing = total = 0
    for section_id, one in left["sections"].items():
        other = right["sections"].get(section_id, {"metrics": {}})
        rows: list[tuple[Cell, ...]] = []
        for path, a, b in _pairs(one["metrics"], other["metrics"]):
            # A metric that one run lacks gets no difference; the outcome lists the sections that differ.
            if path[0] == "config" or not (_is_number(a) and _is_number(b)):
                continue
            total += 1
            if a != b:
                rows.append((" / ".join(path), a, b, b - a, (b - a) / abs(a) if a else None))
        differing += len(rows)
        if rows:
            table = Table(
                f"metrics-{section_id}-table",
                f"Metrics of {one['title']} that differ.",
                (
                    Column("metric"),
                    Column("left", ",.6g"),
                    Column("right", ",.6g"),
                    Column("right - left", "+,.4g"),
                    Column("in relation to left", "+.1%"),
                ),
                tuple(rows),
                filterable=True,
            )
            parts.append(Part(f"metrics-{section_id}", one["title"], tables=(table,)))
    return Section("metrics", "Metrics", f"{differing} of {total} metrics differ.", tuple(parts))


def _data(left: Run, right: Run) -> Section:
    checks = data_section.drift(right, left, "right and left run")
    part = distances.checks_part(
        checks, ["Right run's data against left run's, split by split, with the thresholds for drift."]
    )
    return Section("data", "Data", part.answer, (part,), verdict=part.verdict)


def _pairs(left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[tuple[Keys, Any, Any]]:
    """Every leaf of either tree with its values; None where a tree lacks it."""
    leaves = dict(_leaves(left)), dict(_leaves(right))
    for path in {**leaves[0], **leaves[1]}:
        yield path, leaves[0].get(path), leaves[1].get(path)


def _leaves(tree: Mapping[str, Any], above: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, name))
        elif value is not None:
            yield (*above, name), value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return "not set" if value is None else value if isinstance(value, str) else json.dumps(value)
