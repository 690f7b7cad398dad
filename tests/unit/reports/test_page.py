"""The page: text is escaped, nothing is loaded, and the policy allows its own script alone."""

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reports.charts import plots
from reports.page import Head, as_json, render_page, write_report
from reports.reading.run_data import Run
from reports.section import Chart, Column, Estimate, Fact, Link, Part, Section, Table
from reports.verdict import Verdict

HOSTILE = "<script>alert(1)</script>\"'&"
RUN = Run("2026-01-31T12:00:00", "movielens", Path("runs"), (), "ml-100k", synthetic=False)


class Elements(HTMLParser):
    """The elements of a page and their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def hostile_section() -> Section:
    """A section with hostile text wherever text can stand."""
    table = Table(
        "table",
        HOSTILE,
        (Column(HOSTILE, note=HOSTILE), Column("n", ",.1f"), Column("v")),
        ((HOSTILE, 1234.56, Verdict.FAILED), (Link(HOSTILE, "#here"), None, Verdict.NO_THRESHOLD)),
        filterable=True,
    )
    empty = Table("empty", HOSTILE, (Column("a"),), (), empty=HOSTILE)
    chart = Chart(
        "chart", HOSTILE, HOSTILE, plots.bars("chart", [HOSTILE], [1]), HOSTILE, note=HOSTILE, data=None
    )
    part = Part(
        "part",
        HOSTILE,
        HOSTILE,
        (HOSTILE,),
        (Fact(HOSTILE, HOSTILE, Verdict.WARNING),),
        (chart,),
        (table, empty),
    )
    return Section("section", HOSTILE, HOSTILE, (part,), Verdict.PASSED, {"title": HOSTILE})


def page(*sections: Section, synthetic: bool = False) -> str:
    return render_page(Head(HOSTILE, HOSTILE, synthetic, HOSTILE), sections)


def test_hostile_text_adds_no_element() -> None:
    hostile = Elements(page(hostile_section()))

    assert sum(tag == "script" for tag, _ in hostile.found) == 1
    assert not any(name.startswith("on") for _, attributes in hostile.found for name in attributes)
    assert "alert" in page(hostile_section())


def test_the_policy_names_the_one_script() -> None:
    html = page()

    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    [script] = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = dict(rule.strip().split(" ", 1) for rule in policy.replace("&#39;", "'").split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert not {"connect-src", "font-src", "frame-src"} & set(rules)


def test_the_page_refers_to_nothing_outside() -> None:
    html = page(hostile_section())

    references = [
        value
        for _, attributes in Elements(html).found
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "srcset", "action")
    ]
    assert [value for value in references if not str(value).startswith(("#", "data:"))] == []
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)


def test_a_synthetic_sample_is_named_as_such() -> None:
    assert "Synthetic sample." in page(synthetic=True)
    assert "Synthetic sample." not in page()


def test_cells() -> None:
    html = page(hostile_section())

    assert '<td role="cell" data-title="n" data-sort="1234.56" class="number">1,234.6</td>' in html
    assert '<td role="cell" data-title="n" data-sort="" class="number">n/a</td>' in html
    assert re.search(r'data-title="v" data-sort="0"><span class="verdict failed">.*failed</span></td>', html)


def test_an_estimate_is_written_with_its_interval_and_sorts_by_its_value() -> None:
    estimates = (Estimate(0.25, 0.2, 0.3), Estimate(-0.01, -0.03, 0.01, signed=True), Estimate(0.5))
    table = Table("t", "", (Column("of"), Column("value", ".2f")), tuple(("a", one) for one in estimates))

    html = page(Section("s", "S", "", (Part("p", "P", tables=(table,)),)))

    assert 'data-sort="0.25" class="number">0.25 <span class="interval">0.20 to 0.30</span></td>' in html
    assert 'data-sort="-0.01" class="number">-0.01 <span class="interval">-0.03 to +0.01</span></td>' in html
    assert 'data-sort="0.5" class="number">0.50</td>' in html


def test_a_folded_table_is_closed_under_its_caption() -> None:
    table = Table("t", "Every <b>setting</b>.", (Column("a"),), (("x",), ("y",)), folded=True)

    html = page(Section("s", "S", "", (Part("p", "P", tables=(table,)),)))

    summary = html.partition('<details class="table" id="t">')[2].partition("</summary>")[0]
    assert "Every &lt;b&gt;setting&lt;/b&gt;." in summary
    assert "2 rows" in summary


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="table t: 1 cells under 2 columns"):
        Table("t", "", (Column("a"), Column("b")), (("only one",),))


def test_report_and_metrics_are_written_whole(tmp_path: Path) -> None:
    section = Section("s", "S", "fine", (), Verdict.PASSED, {"a": {"b": math.nan, "c": [1, math.inf]}})

    report = write_report(RUN, [section], tmp_path / "new")

    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["index.html", "report.json"]
    read = json.loads(report.json.read_text())
    assert read["run"] == {"id": RUN.id, "pipeline": "movielens", "data": "ml-100k", "synthetic": False}
    assert read["sections"]["s"] == {
        "title": "S",
        "answer": "fine",
        "verdict": "passed",
        "metrics": {"a": {"b": None, "c": [1, None]}},
    }
    assert read == as_json(RUN, [section])


def test_text_that_is_no_unicode_costs_one_character_and_not_the_report(tmp_path: Path) -> None:
    report = write_report(RUN, [Section("s", "S", "lone \ud800 surrogate", ())], tmp_path)

    assert "lone ? surrogate" in report.html.read_text()
