"""The report of a run in a browser: complete, offline, readable at any width, light and dark, by anyone."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from reports.comparison import write_comparison
from tests.browser.conftest import Opener
from tests.pipeline_run import PipelineRun
from tests.unit.reports.test_comparison import run_with_statistics

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
    "stars-by-state",
    "weekday",
    "hour",
    "months",
    "most-rated",
    "most-liked",
    "worst",
    "genres",
    "genre-classes",
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

    page.locator("#nodes summary").click()
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

    page.locator("#nodes summary").click()
    box.fill("trainer model_run")

    assert sorted(column(page, "nodes", 0)) == ["RankingTrainer", "RetrievalTrainer"]
    expect(page.locator("#nodes output")).to_have_text(f"2 of {len(everything)} rows")
    box.fill("no such words")
    assert column(page, "nodes", 0) == []
    box.fill("")
    assert column(page, "nodes", 0) == everything


@pytest.mark.parametrize("width", [TELEPHONE, DESKTOP])
def test_it_is_readable_at_any_width(visit: Opener, report: Path, width: int) -> None:
    """Nothing makes the page scroll sideways, and no text of a chart is smaller than 12 pixels."""
    page = visit(report, width).page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sizes: dict[str, float] = page.evaluate(
        """Object.fromEntries([...document.querySelectorAll('figure.chart')].map(chart => {
          // Of two drawings of a chart one is shown.
          const svg = [...chart.querySelectorAll('svg')].find(one => one.getBoundingClientRect().width);
          const texts = [...svg.querySelectorAll('text')];
          const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
          const sizes = texts.map(text => parseFloat(getComputedStyle(text).fontSize));
          return [chart.id, scale * Math.min(...sizes)];
        }))"""
    )
    assert {chart: size for chart, size in sizes.items() if size < 11.9} == {}


@pytest.mark.parametrize("width", [TELEPHONE, DESKTOP])
def test_no_text_of_a_chart_is_cut_off(visit: Opener, report: Path, width: int) -> None:
    page = visit(report, width).page

    cut: list[str] = page.evaluate(
        """[...document.querySelectorAll('figure.chart svg')].flatMap(svg => {
          const box = svg.getBoundingClientRect();
          const isOutside = at => at.width && (at.left < box.left - 1 || at.right > box.right + 1);
          const texts = [...svg.querySelectorAll('text')];
          return texts.filter(text => isOutside(text.getBoundingClientRect())).map(text => text.textContent);
        })"""
    )
    assert cut == []


def test_charts_fill_the_column(visit: Opener, report: Path) -> None:
    """Every row of charts ends where the column does, and one alone in its row is drawn for that."""
    page = visit(report).page

    gaps: list[float] = page.eval_on_selector_all(
        ".charts",
        """all => all.flatMap(charts => {
          const ends = new Map();
          for (const chart of charts.querySelectorAll('figure.chart')) {
            const {top, right} = chart.getBoundingClientRect();
            ends.set(top, Math.max(right, ends.get(top) ?? 0));
          }
          return [...ends.values()].map(end => charts.getBoundingClientRect().right - end);
        })""",
    )
    assert gaps
    assert max(gaps) < 2
    drawing, column = (page.locator(at).bounding_box() for at in ("#node-seconds svg:visible", "#run-nodes"))
    assert drawing is not None
    assert column is not None
    assert drawing["width"] > column["width"] / 2


def clipped_tables(page: Page) -> list[str]:
    """The tables that are wider than their place, when everything that can be opened is open."""
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    # The page fits a table when its place has a width, which takes the browser two frames.
    page.evaluate(
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
    )
    found: list[str] = page.eval_on_selector_all(
        ".scroll",
        "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.parentElement.id)",
    )
    return found


@pytest.mark.parametrize("width", [TELEPHONE, DESKTOP])
def test_no_table_is_clipped(visit: Opener, report: Path, width: int) -> None:
    page = visit(report, width).page

    assert clipped_tables(page) == []
    cards = page.eval_on_selector_all(".part > .cards", "all => all.map(one => one.id)")
    # A telephone shows the rows of a wide table as cards, each value under its name; a desk has space.
    assert ("gate-passed" in cards) == (width == TELEPHONE)
    assert len(cards) > 20 if width == TELEPHONE else cards == []


def test_what_a_reader_needs_first_is_on_the_first_screen(visit: Opener, report: Path) -> None:
    page = visit(report).page

    box = page.locator("#overview").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 900
    lists = page.eval_on_selector_all(
        "#overview-list-table tbody th", "all => all.map(one => one.textContent)"
    )
    assert lists[:2] == ["final list", "order of retrieval"]
    assert "popularity" in lists
    expect(page.locator("#overview-decisions dt")).to_have_count(4)
    expect(page.locator("#overview-next code")).to_have_count(3)


def test_the_map_of_movies_shows_one_genre_and_names_each_movie(visit: Opener, report: Path) -> None:
    page = visit(report).page
    points = page.locator("#retrieval-movie-map path[data-class]")
    everything = points.count()

    page.locator("#retrieval-movie-map select").select_option("Comedy")

    shown = points.evaluate_all(
        "all => all.filter(one => one.style.display !== 'none').map(one => one.textContent)"
    )
    assert 0 < len(shown) < everything
    assert all("Comedy" in title and "ratings" in title for title in shown)
    page.locator("#retrieval-movie-map select").select_option("all")
    assert points.evaluate_all("all => all.every(one => one.style.display !== 'none')")


@pytest.mark.parametrize("width", [TELEPHONE, DESKTOP])
def test_the_index_of_the_runs(visit: Opener, sample_run: PipelineRun, width: int) -> None:
    opened = visit(sample_run.output / "reports" / "index.html", width)

    expect(opened.page.get_by_role("heading", level=1)).to_have_text("Index of the runs")
    assert opened.messages == []
    assert clipped_tables(opened.page) == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    expect(opened.page.locator("#over-runs-recall-at-10 svg")).to_be_visible()
    link = opened.page.locator("#runs-table tbody a").last
    link.click()
    expect(opened.page.get_by_role("heading", level=1)).to_have_text("Report on synthetic sample")


@pytest.mark.parametrize("width", [TELEPHONE, DESKTOP])
def test_two_runs_compared(visit: Opener, tmp_path: Path, width: int) -> None:
    left, right = (run_with_statistics(tmp_path, name, ["Male"] * 3, {"seed": name}) for name in ("a", "b"))

    opened = visit(write_comparison(left, right, tmp_path / "page").html, width)

    assert opened.messages == []
    assert opened.requests == []
    assert clipped_tables(opened.page) == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


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
    page.evaluate("document.querySelectorAll('details.table').forEach(one => one.open = true)")
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
