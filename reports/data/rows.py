"""What became of the raw rows: how many came in, and which were refused and why."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contracts import artifacts
from reports.reading import run_settings
from reports.reading.run_data import NodeState, Run
from reports.section import Column, Fact, Part, Table
from reports.verdict import Verdict

# Rows shown of each reason; the file has all of them.
_EXAMPLES_A_REASON: Final = 10


@dataclass(frozen=True)
class RejectedRow:
    """A row of a raw file that could not be used; `text` is its content."""

    file: str
    line: int
    reason: str
    text: str


@dataclass(frozen=True)
class Rows:
    """What an ExampleGen counted.

    Attributes:
      counts: as in its file of counts; empty where it did not get that far.
      rejected: a few rows of each reason.
      reasons: rejected rows by file and reason.
      rejected_file: where all rejected rows are.
    """

    counts: dict[str, Any]
    rejected: list[RejectedRow]
    reasons: Counter[tuple[str, str]]
    rejected_file: Path


def read_rows(run: Run, node_id: str) -> Rows | None:
    """What became of the rows that a node read, None if nothing is known.

    An ExampleGen that failed leaves no artifact, but its rejected rows beside the place of the artifact.
    """
    artifact = run.artifact(node_id, run_settings.EXAMPLES)
    if artifact is not None:
        counts_file, rejected_file = (
            artifact.folder / name for name in (artifacts.COUNTS_FILE, artifacts.REJECTED_FILE)
        )
        counts = json.loads(counts_file.read_text(encoding="utf-8")) if counts_file.is_file() else {}
        return Rows(counts, *_read_rejected(rejected_file), rejected_file)
    node = run.node(node_id)
    if node is None or node.state is not NodeState.FAILED:
        return None
    folder = run.output / "artifacts" / node_id / run_settings.EXAMPLES
    left = sorted(folder.glob(f"*.{artifacts.REJECTED_FILE}"), key=lambda path: path.stat().st_mtime)
    return Rows({}, *_read_rejected(left[-1]), left[-1]) if left else None


def rows_part(found: dict[str, Rows | None]) -> Part:
    """The part of the page.

    Args:
      found: what became of the rows, by node.
    """
    known = {node_id: rows for node_id, rows in found.items() if rows is not None}
    if not known:
        return Part("data-rows", "Rows in", answer="No node has read raw rows.")
    read, refused, dropped = _totals(list(known.values()))
    answer = f"{read:,} rows read, {refused:,} rejected, {dropped:,} dropped by the settings."
    verdict = Verdict.WARNING if refused else Verdict.PASSED
    if failed := [node_id for node_id, rows in known.items() if not rows.counts]:
        answer = f"{' and '.join(failed)} failed over {refused:,} rejected rows."
        verdict = Verdict.FAILED
    ratings = known.get(run_settings.RATINGS_GEN)
    examples = ratings.counts.get("examples", {}) if ratings else {}
    facts = [Fact(f"Examples, {split} split", f"{count:,}") for split, count in examples.items()]
    facts += [
        Fact(f"Rejected by {node_id}", str(rows.rejected_file))
        for node_id, rows in known.items()
        if rows.reasons
    ]
    return Part(
        "data-rows",
        "Rows in",
        answer=answer,
        facts=tuple(facts),
        tables=(_reasons(known), _examples(known)),
        verdict=verdict,
    )


def metrics(found: dict[str, Rows | None]) -> dict[str, Any]:
    """The same for programs."""
    return {
        node_id: {
            **rows.counts,
            "rejected": {f"{file}: {reason}": count for (file, reason), count in rows.reasons.items()},
        }
        for node_id, rows in found.items()
        if rows is not None
    }


def _totals(known: list[Rows]) -> tuple[int, int, int]:
    # Both nodes read the file of movies; the counts of a file are the same in each.
    files: dict[str, int] = {}
    reasons: dict[tuple[str, str], int] = {}
    for rows in known:
        files |= {file: int(of_file["rows"]) for file, of_file in rows.counts.get("files", {}).items()}
        reasons |= rows.reasons
    dropped = sum(int(rows.counts.get("dropped", 0)) for rows in known)
    return sum(files.values()), sum(reasons.values()), dropped


def _reasons(known: dict[str, Rows]) -> Table:
    by_file: dict[tuple[str, str], int] = {}
    read: dict[str, int] = {}
    for rows in known.values():
        by_file |= rows.reasons
        for file, of_file in rows.counts.get("files", {}).items():
            read[file] = int(of_file["rows"])
            if not of_file["rejected"]:
                by_file.setdefault((file, ""), 0)
    return Table(
        "rejected-reasons",
        "Rows of each raw file, and how many were rejected for which reason.",
        (
            Column("file"),
            Column("rows"),
            Column("reason"),
            Column("rejected"),
            Column("share of rows", ".3%"),
        ),
        tuple(
            (
                file,
                read.get(file),
                reason.replace("_", " ") or "none",
                count,
                count / read[file] if read.get(file) else None,
            )
            for (file, reason), count in sorted(by_file.items())
        ),
        empty="No file was counted.",
    )


def _examples(known: dict[str, Rows]) -> Table:
    rows = {
        (row.file, row.line): (row.file, row.line, row.reason.replace("_", " "), row.text)
        for found in known.values()
        for row in found.rejected
    }
    return Table(
        "rejected-rows",
        f"Rejected rows, at most {_EXAMPLES_A_REASON} of a reason.",
        (Column("file"), Column("line"), Column("reason"), Column("text")),
        tuple(rows[key] for key in sorted(rows)),
        filterable=True,
        empty="No row was rejected.",
    )


def _read_rejected(path: Path) -> tuple[list[RejectedRow], Counter[tuple[str, str]]]:
    """A few rows of each reason, and the counts of all, in one pass."""
    shown: list[RejectedRow] = []
    reasons: Counter[tuple[str, str]] = Counter()
    if not path.is_file():
        return shown, reasons
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        for row in csv.DictReader(stream):
            key = row["file"], row["reason"]
            reasons[key] += 1
            if reasons[key] <= _EXAMPLES_A_REASON:
                shown.append(RejectedRow(row["file"], int(row["line"]), row["reason"], row["text"]))
    return shown, reasons
