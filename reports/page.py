"""The page: the sections of a run in one self-contained HTML file, and the same as JSON beside it."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

from reports.charts import palette
from reports.reading.run_data import Run
from reports.section import Column, Estimate, Link, Picture, Section
from reports.verdict import RunChange, Verdict

HTML_FILE: Final = "index.html"
JSON_FILE: Final = "report.json"

# Raised when a key of report.json changes its meaning or goes.
JSON_VERSION: Final = 1


@dataclass(frozen=True)
class Head:
    """What stands above and below the sections of a page.

    Attributes:
      title: of the page.
      about: one line: which data, which split, when.
      synthetic: whether a banner shows that the ratings are made up.
      footer: how to make the page again.
    """

    title: str
    about: str
    synthetic: bool
    footer: str


@dataclass(frozen=True)
class Report:
    """A report that was written.

    Attributes:
      html: the page.
      json: the metrics, for programs.
    """

    html: Path
    json: Path


def write_report(run: Run, sections: Sequence[Section], folder: Path) -> Report:
    """Writes the page and the JSON of a run; a reader never sees half a file.

    Args:
      run: what is reported on.
      sections: in the order of the page.
      folder: made if it is not there.
    """
    return write_page(_head(run), sections, as_json(run, sections), folder)


def write_page(head: Head, sections: Sequence[Section], metrics: Mapping[str, Any], folder: Path) -> Report:
    """Writes a page and its JSON; as `write_report`, for a page that is not about one run."""
    folder.mkdir(parents=True, exist_ok=True)
    report = Report(folder / HTML_FILE, folder / JSON_FILE)
    _replace(report.html, render_page(head, sections))
    _replace(report.json, json.dumps(metrics, indent=1, allow_nan=False) + "\n")
    return report


def _head(run: Run) -> Head:
    again = shlex.join(["python", "-m", "reports", "build", run.id, "--output", str(run.output)])
    return Head(
        title=f"Report on {run.data_name}",
        about=f"Pipeline {run.pipeline_name}, run {run.id}",
        synthetic=run.synthetic,
        footer=f"This file loads nothing from anywhere. To build it again: {again}",
    )


def render_page(head: Head, sections: Sequence[Section]) -> str:
    """The HTML of the page: it loads nothing, and its policy forbids the browser to try."""
    script = Markup(_asset("report.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": "'unsafe-inline'",
        "script-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return (
        environment()
        .get_template("page.html")
        .render(
            **dataclasses.asdict(head),
            sections=sections,
            style=Markup(_style()),
            script=script,
            policy="; ".join(f"{name} {value}" for name, value in policy.items()),
        )
    )


def templates_digest() -> str:
    """A sha256 (hex) over the templates, style sheet and script, whose change makes another page."""
    digest = hashlib.sha256()
    for path in sorted((Path(__file__).parent / "templates").iterdir()):
        if path.is_file():
            digest.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def as_json(run: Run, sections: Sequence[Section]) -> dict[str, Any]:
    """The report for programs: what identifies the run, and each section's verdict, answer and metrics."""
    return {
        "version": JSON_VERSION,
        "run": {
            "id": run.id,
            "pipeline": run.pipeline_name,
            "data": run.data_name,
            "synthetic": run.synthetic,
        },
        "sections": {
            section.id: {
                "title": section.title,
                "answer": section.answer,
                "verdict": section.verdict.value if section.verdict else None,
                "metrics": _finite(section.metrics),
            }
            for section in sections
        },
    }


def environment() -> jinja2.Environment:
    """The templates of `reports/templates`. Every value is escaped unless it is `Markup`."""
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["shown"] = shown
    found.filters["shown_interval"] = shown_interval
    found.filters["sort_key"] = sort_key
    kinds: dict[str, Callable[[object], bool]] = {
        "a_verdict": lambda cell: isinstance(cell, Verdict | RunChange),
        "an_estimate": lambda cell: isinstance(cell, Estimate),
        "a_picture": lambda cell: isinstance(cell, Picture),
        "a_link": lambda cell: isinstance(cell, Link),
    }
    found.tests.update(kinds)
    return found


def shown(cell: str | int | float | Estimate | None, column: Column) -> str:
    """The text of a cell; "n/a" where there is no value. Of an estimate, its value."""
    if isinstance(cell, Estimate):
        return format(cell.value, _format_of(cell, column))
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "n/a"
    return cell if isinstance(cell, str) else format(cell, column.format or ",")


def shown_interval(cell: Estimate, column: Column) -> str:
    """The interval of an estimate in words; "" where it has none."""
    if cell.lower is None or cell.upper is None:
        return ""
    return " to ".join(format(bound, _format_of(cell, column)) for bound in (cell.lower, cell.upper))


def _format_of(cell: Estimate, column: Column) -> str:
    return f"+{column.format}" if cell.signed and not column.format.startswith("+") else column.format


def sort_key(cell: object) -> str:
    """What a column sorts by: full numbers, and verdicts with what failed or is worse first."""
    if isinstance(cell, Verdict):
        order = (Verdict.FAILED, Verdict.WARNING, Verdict.PASSED, Verdict.NO_THRESHOLD)
        return str(order.index(cell))
    if isinstance(cell, RunChange):
        return str((RunChange.WORSE, RunChange.BETTER, RunChange.WITHIN, RunChange.UNJUDGED).index(cell))
    if isinstance(cell, Estimate):
        return str(cell.value)
    if isinstance(cell, Link):
        return cell.text
    return "" if cell is None or isinstance(cell, Picture) else str(cell)


def _style() -> str:
    light, dark = palette.css_variables(dark=False), palette.css_variables(dark=True)
    return _asset("report.css").replace("/* light colours */", light).replace("/* dark colours */", dark)


def _asset(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def _replace(path: Path, text: str) -> None:
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # Titles come from files; a lone surrogate in one must not cost the whole report.
        staged.write_text(text, encoding="utf-8", errors="replace")
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)


def _finite(value: Any) -> Any:
    """The value with null for what JSON cannot hold."""
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
