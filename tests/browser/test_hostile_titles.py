"""A movie called `<script>alert(1)</script>`: from its raw file through the ExampleGen to the page."""

from pathlib import Path

from playwright.sync_api import expect

from reports.eda.counts import count_all
from reports.eda.section import section_of
from reports.page import write_report
from reports.reading.examples import read_batches
from reports.reading.run_data import Run
from tests.browser.conftest import Opener
from tests.unit.components.movielens_example_gen.tiny_data import run, write_100k

HOSTILE = "<script>alert(1)</script>"
BREAKING_OUT = "\"><img src=x onerror=alert(2)>'"


def test_hostile_titles_are_text(visit: Opener, tmp_path: Path) -> None:
    raw = write_100k(
        tmp_path / "raw", [(user, movie, 4, 883_612_800) for user in range(1, 9) for movie in (1, 2)]
    )
    catalogue = (raw / "u.item").read_text("latin-1")
    hostile = catalogue.replace("Movie 1 ", f"{HOSTILE} ").replace("Movie 2 ", f"{BREAKING_OUT} ")
    (raw / "u.item").write_text(hostile, "latin-1")
    users = (raw / "u.user").read_text().replace("student", "<b onclick=alert(3)>student</b>")
    (raw / "u.user").write_text(users)
    examples = run(raw, tmp_path / "out").folder
    counts = count_all(
        (split, batch) for split in ("train", "eval") for batch in read_batches(examples, split)
    )
    named = f"ml-{HOSTILE}"
    report = write_report(
        Run("r", HOSTILE, tmp_path, (), named, synthetic=False),
        [section_of(counts, named, catalogue=9)],
        tmp_path / "page",
    )

    opened = visit(report.html)

    expect(opened.page.get_by_role("heading", level=1)).to_have_text(f"Report on {named}")
    page = opened.page
    titles = page.eval_on_selector_all("#most-rated-data tbody th", "all => all.map(one => one.textContent)")
    drawn = page.eval_on_selector_all("#most-rated svg text", "all => all.map(one => one.textContent)")
    assert {title.rpartition(" ")[0] for title in titles} == {HOSTILE, BREAKING_OUT}
    # A label of a chart is cut where it is long.
    assert any(text.startswith(HOSTILE[:20]) for text in drawn)
    assert page.locator("script").count() == 1
    assert page.locator("img, b, [onclick], [onerror]").count() == 0
    assert opened.messages == [], "no dialog, no violation of the policy"
    assert opened.requests == []
