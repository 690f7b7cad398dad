"""One matplotlib figure as inline SVG: matplotlib draws, and the page's style sheet gives the colours.

Draw in the light values of `palette`; `render` turns them into CSS variables, so one drawing serves
the light and the dark page. Text stays text: it can be selected and searched, and takes the page's font.
"""

import re
import threading
import unicodedata
import warnings
from io import BytesIO
from typing import Any, Final
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.text import Text

from reports.charts import palette

# CSS pixels. A narrow chart fits a telephone, so no screen makes its text smaller; a broad one is shown in
# its place where there is space; a wide one scrolls sideways where the screen is narrower. Twelve pixels are
# the least that is read with ease.
NARROW: Final = 320
BROAD: Final = 560
WIDE: Final = 1100
_TEXT: Final = 12

SVG: Final = "http://www.w3.org/2000/svg"
_XLINK: Final = "http://www.w3.org/1999/xlink"
_POINTS_PER_INCH: Final = 72
_STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": _TEXT,
    "text.color": palette.INK.light,
    "text.parse_math": False,
    "axes.edgecolor": palette.MUTED.light,
    "axes.labelcolor": palette.MUTED.light,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "grid.color": palette.GRID.light,
    "grid.linewidth": 0.8,
    "xtick.color": palette.MUTED.light,
    "ytick.color": palette.MUTED.light,
    "xtick.labelcolor": palette.INK.light,
    "ytick.labelcolor": palette.INK.light,
    "legend.frameon": False,
    "legend.fontsize": _TEXT,
    "lines.linewidth": 2,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}
# matplotlib's settings belong to the process.
_DRAWING: Final = threading.RLock()


def new_figure(width: int = NARROW, height: int = 240) -> tuple[Figure, Axes]:
    """An empty chart of `width` x `height` CSS pixels with one pair of axes, in the report's style."""
    with _DRAWING, mpl.rc_context(_STYLE):
        figure = Figure(
            figsize=(width / _POINTS_PER_INCH, height / _POINTS_PER_INCH),
            dpi=_POINTS_PER_INCH,
            layout="constrained",
        )
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        # Ticks are made later, when the style is no longer set.
        axes.tick_params(labelsize=_TEXT)
        return figure, axes


def render(figure: Figure, chart_id: str) -> Markup:
    """Renders a figure as an `<svg>` element for the page.

    Args:
      figure: from `new_figure`; whatever is drawn on it.
      chart_id: unique on the page; ids inside the drawing begin with it.

    Returns:
      Markup that does not have scripts, style sheets, links and ids of another chart. It is hidden from
      screen readers: the page puts the chart's alt text around it.
    """
    buffer = BytesIO()
    with _DRAWING, mpl.rc_context({**_STYLE, "svg.hashsalt": chart_id}), warnings.catch_warnings():
        # The browser has glyphs for what matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        for text in figure.findobj(Text):
            assert isinstance(text, Text)
            text.set_parse_math(False)
            text.set_fontsize(_TEXT)
            text.set_text(printable(text.get_text()))
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return _inline(buffer.getvalue(), chart_id)


def printable(text: str) -> str:
    """The text without control characters, which XML cannot hold, and with line ends as they are."""
    return "".join(
        character if character == "\n" or unicodedata.category(character) not in ("Cc", "Cs") else "\ufffd"
        for character in text
    )


def shortened(text: str, length: int = 32) -> str:
    """The text on one line, cut with an ellipsis where it is longer than `length` characters."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


# Text that was given no colour is black in matplotlib.
_VARIABLES: Final = {
    "#000000": f"var(--{palette.INK.name})",
    **{role.light: f"var(--{role.name})" for role in palette.ROLES},
}
_COLOR: Final = re.compile(r"#[0-9a-f]{6}\b")
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")


def _inline(svg: bytes, chart_id: str) -> Markup:
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    root = ElementTree.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    used = set(_REFERENCE.findall(svg.decode())) | {
        element.get(f"{{{_XLINK}}}href", "")[1:] for element in root.iter(f"{{{SVG}}}use")
    }
    for element in root.iter():
        _rewrite(element, used, chart_id)
    width, height = root.get("viewBox", "0 0 1 1").split()[2:]
    root.attrib = {
        "viewBox": f"0 0 {width} {height}",
        "width": f"{float(width):.0f}",
        "height": f"{float(height):.0f}",
        "aria-hidden": "true",
        "focusable": "false",
    }
    # ElementTree escapes all text, so a title cannot become markup.
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _rewrite(element: ElementTree.Element, used: set[str], chart_id: str) -> None:
    """Makes ids the chart's own, and colours variables."""
    name = element.attrib.pop("id", None)
    if name in used:
        element.set("id", f"{chart_id}-{name}")
    href = element.attrib.pop(f"{{{_XLINK}}}href", None)
    if href:
        is_data = href.startswith("data:image/png")
        element.set("href", href if is_data else f"#{chart_id}-{href[1:]}")
    for key, value in element.attrib.items():
        if key in ("style", "fill", "stroke"):
            value = _COLOR.sub(lambda found: _VARIABLES.get(found[0], found[0]), value)
        element.set(key, _REFERENCE.sub(rf"url(#{chart_id}-\1)", value))
    # The page's font, in the size that was measured.
    if element.tag == f"{{{SVG}}}text" and "style" in element.attrib:
        style = re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", element.attrib["style"])
        element.set("style", re.sub(r"font-family:[^;]*;?", "", style))
