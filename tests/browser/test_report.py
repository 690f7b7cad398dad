"""The report of a run in a browser: complete, offline, readable at any width, light and dark, by anyone."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener

pytestmark = pytest.mark.slow

TELEPHONE, DESKTOP = 375, 1440
# A4 less its margins, at 96 pixels an inch.
PAPER = 703
SECTIONS = ["overview", "run", "data", "eda", "models", "card"]
CHARTS = {
    "node-seconds",
    "lineage",
    "ratings",
    "gender",
    "rating-by-gender",
    "ages",
    "occupations",
    "occupations-by-age",
    "states",
    "weekday",
    "hour",
    "months",
    "most-rated",
    "most-liked",
    "worst",
    "genres",
    "long-tail",
    "decades",
}
# WCAG 2.2, levels A and AA, and what axe-core calls best practice, such as the order of headings.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def column(page: Page, table: str, number: int) -> list[str]:
    """What a column of a table sorts by, in the rows that are shown."""
    found: list[str] = page.eval_on_selector_all(
        f"#{table} tbody tr:not([hidden])",
        f"rows => rows.map(row => row.cells[{number}].dataset.sort)",
    )
    return found


def brightness(page: Page) -> float:
    """Of the page's background, from 0 (black) to 255."""
    found: float = page.evaluate(
        "getComputedStyle(document.body).backgroundColor"
        ".match(/\\d+/g).slice(0, 3).reduce((sum, channel) => sum + +channel, 0) / 3"
    )
    return found


def test_it_opens_offline_without_an_error_or_a_request(visit: Opener, report: Path) -> None:
    opened = visit(report)

    expect(opened.page.get_by_role("heading", level=1)).to_have_text("Report on synthetic sample")
    expect(opened.page.get_by_role("note")).to_contain_text("Synthetic sample.")
    assert opened.messages == []
    assert opened.requests == []


def test_every_section_and_chart_is_there(visit: Opener, report: Path) -> None:
    page = visit(report).page

    sections = page.eval_on_selector_all("main > section", "all => all.map(one => one.id)")
    charts = page.eval_on_selector_all("figure.chart", "all => all.map(one => one.id)")
    assert sections == SECTIONS
    assert set(charts) >= CHARTS
    for chart in page.locator("figure.chart").all():
        drawing = chart.get_by_role("img").first
        expect(drawing).to_have_attribute("aria-label", re.compile(r"\w+ .*\w"))
        box = drawing.locator("svg").bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) > 50
        expect(chart.locator("figcaption .answer")).not_to_be_empty()


def test_ids_are_unique_and_links_lead_somewhere(visit: Opener, report: Path) -> None:
    page = visit(report).page

    ids = page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
    targets = page.eval_on_selector_all("a[href^='#']", "all => all.map(one => one.hash.slice(1))")
    assert sorted(ids) == sorted(set(ids))
    assert set(targets) <= set(ids)


def test_a_click_on_a_header_sorts_by_value(visit: Opener, report: Path) -> None:
    page = visit(report).page
    header = page.locator("#nodes thead").get_by_role("button", name="seconds")

    header.click()
    rising = [float(value) for value in column(page, "nodes", 2) if value]
    expect(page.locator("#nodes th[aria-sort]")).to_have_attribute("aria-sort", "ascending")
    header.click()
    falling = [float(value) for value in column(page, "nodes", 2) if value]

    assert len(rising) > 10
    assert rising == sorted(rising)
    assert falling == rising[::-1]
    expect(page.locator("#nodes th[aria-sort]")).to_have_attribute("aria-sort", "descending")


def test_words_filter_rows(visit: Opener, report: Path) -> None:
    page = visit(report).page
    box = page.locator("#nodes").get_by_label("Filter rows by words")
    everything = column(page, "nodes", 0)

    box.fill("trainer model_run")

    assert sorted(column(page, "nodes", 0)) == ["RankingTrainer", "RetrievalTrainer"]
    expect(page.locator("#nodes output")).to_have_text(f"2 of {len(everything)} rows")
    box.fill("no such words")
    assert column(page, "nodes", 0) == []
    box.fill("")
    assert column(page, "nodes", 0) == everything


@pytest.mark.parametrize("width", [TELEPHONE, DESKTOP])
def test_it_is_readable_at_any_width(visit: Opener, report: Path, width: int) -> None:
    """Nothing makes the page scroll sideways, and no text of a chart is smaller than 8 pixels."""
    page = visit(report, width).page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sizes: dict[str, float] = page.evaluate(
        """Object.fromEntries([...document.querySelectorAll('figure.chart')].map(chart => {
          const svg = chart.querySelector('svg'), texts = [...svg.querySelectorAll('text')];
          const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
          const sizes = texts.map(text => parseFloat(getComputedStyle(text).fontSize));
          return [chart.id, scale * Math.min(...sizes)];
        }))"""
    )
    assert {chart: size for chart, size in sizes.items() if size < 7.5} == {}


def test_dark_and_light(visit: Opener, report: Path) -> None:
    """The page follows the system, and its button goes against it."""
    light, dark = visit(report).page, visit(report, scheme="dark").page
    assert brightness(light) > 240
    assert brightness(dark) < 40

    dark.get_by_role("button", name="Light page").click()
    assert brightness(dark) > 240
    dark.get_by_role("button", name="Dark page").click()
    assert brightness(dark) < 40


def test_no_colour_of_a_drawing_is_fixed(visit: Opener, report: Path) -> None:
    """A bar has another colour on the dark page."""
    script = "getComputedStyle(document.querySelector('#weekday svg path[style*=\"var(--blue)\"]')).fill"

    assert visit(report).page.evaluate(script) != visit(report, scheme="dark").page.evaluate(script)


def test_it_prints_whole_on_white_without_what_only_a_screen_needs(visit: Opener, report: Path) -> None:
    page = visit(report, PAPER, scheme="dark").page

    page.emulate_media(media="print")

    assert brightness(page) > 240
    expect(page.get_by_role("navigation")).to_be_hidden()
    clipped = page.eval_on_selector_all(
        ".part > .table > .scroll",
        "all => all.filter(one => one.scrollWidth > one.parentElement.clientWidth + 1)"
        ".map(one => one.parentElement.id)",
    )
    assert clipped == []
    assert page.pdf().startswith(b"%PDF")


def test_the_keyboard_comes_first_to_the_way_past_the_navigation(visit: Opener, report: Path) -> None:
    page = visit(report).page

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the report")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize(
    ("width", "scheme"), list(itertools.product([TELEPHONE, DESKTOP], ["light", "dark"]))
)
def test_accessibility(visit: Opener, report: Path, axe: str, width: int, scheme: str) -> None:
    page = visit(report, width, scheme).page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    page.evaluate(axe)
    options = json.dumps({"runOnly": RULES, "resultTypes": ["violations"]})
    found: list[dict[str, Any]] = page.evaluate(f"axe.run(document, {options}).then(all => all.violations)")

    assert [
        f"{rule['id']}: {rule['help']}: {node['html'][:200]}" for rule in found for node in rule["nodes"][:3]
    ] == []
