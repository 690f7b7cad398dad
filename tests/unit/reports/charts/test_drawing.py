"""Charts as inline SVG: text stays text and harmless, ids do not clash, and colours follow the page."""

import re
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from reports.charts import grids, palette, plots

HOSTILE = "<script>alert(1)</script>"


def texts(svg: Markup) -> list[str]:
    """The texts of a drawing."""
    root = ElementTree.fromstring(svg)
    return ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")]


def ids(svg: Markup) -> list[str]:
    return re.findall(r'\bid="([^"]+)"', svg)


def test_a_hostile_label_stays_text() -> None:
    svg = plots.columns("chart", ["a"], {"s": [3]}, unit=HOSTILE)

    assert HOSTILE in texts(svg)
    assert "<script" not in svg


@pytest.mark.parametrize(
    "title", ["$1,000,000 Duck (1971)", "Cost: $5 \\to $6", "100% \\alpha_2^3", "七人の侍"]
)
def test_a_title_is_no_formula(title: str) -> None:
    assert title in texts(plots.bars("chart", [title], [3]))


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    assert "a\ufffdb\ufffd" in texts(plots.bars("chart", ["a\x00b\ud800"], [1]))


def test_a_long_label_is_cut_and_one_with_line_ends_is_one_line() -> None:
    assert plots.shortened("a\nb\t c", 5) == "a b c"
    assert plots.shortened("Those Magnificent Men", 10) == "Those Mag…"


def test_two_drawings_on_one_page_share_no_id() -> None:
    one, other = (plots.columns(name, ["a", "b"], {"s": [1, 2]}) for name in ("one", "other"))

    assert ids(one)
    assert not set(ids(one)) & set(ids(other))
    for svg in (one, other):
        referred = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)
        assert {name for pair in referred for name in pair if name} <= set(ids(svg))


def test_the_same_figures_give_the_same_bytes() -> None:
    assert plots.bars("chart", ["a"], [1]) == plots.bars("chart", ["a"], [1])


def test_every_colour_is_a_variable_of_the_page() -> None:
    svg = grids.heat_map("heat", ["r"], ["a", "b", "c"], [[0, 5, 9]], unit="ratings") + plots.columns(
        "columns", ["a"], {"s": [1], "t": [2]}
    )

    assert re.findall(r"(?:fill|stroke)[:=]\s*\"?(#[0-9a-fA-F]{3,6})", svg) == []
    assert f"var(--{palette.BLUE.name})" in svg
    assert f"var(--{palette.ORANGE.name})" in svg


def test_a_drawing_loads_nothing() -> None:
    svg = plots.lines("lines", {"a": ([0, 1], [0, 1]), "b": ([0, 1], [1, 0])})

    assert re.findall(r'(?:href|src)="(?!#)', svg) == []
    assert "<style" not in svg
    assert "<metadata" not in svg


@pytest.mark.parametrize("width", [plots.NARROW, plots.WIDE])
@pytest.mark.parametrize("names", [["mean", "damped mean"], ["training examples", "validation examples"]])
def test_a_legend_stays_on_the_drawing_beside_long_labels(width: int, names: list[str]) -> None:
    figure, axes = plots.new_figure(width)
    axes.set_yticks([0, 1], ["Raiders of the Lost Ark", "One Flew Over the Cuckoo's Nest"])
    for name in names:
        axes.plot([0, 1], [0, 1], label=name)
    plots.legend_above(axes)

    figure.draw_without_rendering()

    [legend] = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
    # It takes its space at the top, and none of the axes' width.
    assert box.y0 >= axes.bbox.y1
    assert axes.bbox.x1 > 0.9 * figure.bbox.width


@pytest.mark.parametrize(
    ("value", "short"),
    [(0, "0"), (0.25, "0.25"), (999, "999"), (20_000, "20k"), (13_510, "13.5k"), (3e6, "3M")],
)
def test_short_numbers(value: float, short: str) -> None:
    assert plots.short_number(value) == short
