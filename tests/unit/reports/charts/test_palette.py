"""Colours: enough contrast on both pages, and each light value stands for one role."""

import itertools

import pytest

from reports.charts import palette
from reports.charts.palette import Role

TEXT, GRAPHIC = 4.5, 3.0
SURFACES = (palette.PAPER, palette.PANEL)
TEXTS = (palette.INK, palette.MUTED, palette.GOOD, palette.BAD, palette.CAUTION, palette.BLUE)


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_by_known_answers() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("role", "surface"), itertools.product(TEXTS, SURFACES))
def test_text_is_readable(role: Role, surface: Role) -> None:
    assert contrast(role.light, surface.light) >= TEXT
    assert contrast(role.dark, surface.dark) >= TEXT


@pytest.mark.parametrize(("role", "surface"), itertools.product(palette.SERIES, SURFACES))
def test_series_stand_out(role: Role, surface: Role) -> None:
    assert contrast(role.light, surface.light) >= GRAPHIC
    assert contrast(role.dark, surface.dark) >= GRAPHIC


@pytest.mark.parametrize("step", range(len(palette.SEQUENCE)))
def test_figures_in_a_heat_map_are_readable(step: int) -> None:
    fill, ink = palette.SEQUENCE[step], palette.INK_ON_SEQUENCE[step]
    assert contrast(fill.light, ink.light) >= TEXT
    assert contrast(fill.dark, ink.dark) >= TEXT


def test_a_drawn_colour_has_its_role() -> None:
    lights = [role.light for role in palette.ROLES]
    assert len(set(lights)) == len(lights)


@pytest.mark.parametrize(
    ("value", "step"), [(0, 0), (1, 0), (100, 5), (99, 5), (25, 3), (0.01 * 100 / 36 * 100, 1)]
)
def test_steps_follow_the_square_root(value: float, step: int) -> None:
    assert palette.step_of(value, 100) == step


def test_the_step_of_nothing_is_the_lightest() -> None:
    assert palette.step_of(0, 0) == 0
