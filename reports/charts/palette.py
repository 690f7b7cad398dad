"""Colours by role. Charts are drawn with the light values; the page swaps them for CSS variables.

The series are Okabe and Ito's palette, which colour-blind readers can distinguish ("Color Universal
Design", 2008), darkened for light backgrounds and lightened for dark ones until each has a contrast of at
least 3:1 (WCAG 2.2, 1.4.11); text roles have 4.5:1 (1.4.3).
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Role:
    """A colour with a meaning.

    Attributes:
      name: of the CSS variable, without the two dashes.
      light: on the light page, and in matplotlib calls.
      dark: on the dark page.
    """

    name: str
    light: str
    dark: str


INK: Final = Role("ink", "#1b1f24", "#e8eaed")
MUTED: Final = Role("muted", "#57606a", "#a9b1ba")
GRID: Final = Role("grid", "#d8dee4", "#3a424b")
PAPER: Final = Role("paper", "#fefefe", "#15191e")
PANEL: Final = Role("panel", "#f6f8fa", "#1d232a")

BLUE: Final = Role("blue", "#0072b2", "#56a8e0")
ORANGE: Final = Role("orange", "#b86e00", "#e9a227")
GREEN: Final = Role("green", "#00805d", "#1fb88d")
VERMILION: Final = Role("vermilion", "#c24e00", "#f0803c")
PURPLE: Final = Role("purple", "#a8527f", "#d98ab5")
SKY: Final = Role("sky", "#2f86b8", "#8ccbf2")

GOOD: Final = Role("good", "#00704f", "#35c79c")
BAD: Final = Role("bad", "#b3261e", "#ff8a80")
CAUTION: Final = Role("caution", "#855000", "#f0b849")

# In the order in which a chart takes them; two series are blue and orange.
SERIES: Final = (BLUE, ORANGE, GREEN, PURPLE, VERMILION, SKY)
TRAIN: Final = BLUE
EVAL: Final = ORANGE
MODEL: Final = BLUE
REFERENCE: Final = ORANGE
SERVED: Final = GREEN

# From little to much, for heat maps and maps; readable on both pages, with INK_ON[i] on top.
SEQUENCE: Final = (
    Role("seq-0", "#e3eef7", "#1d2f3d"),
    Role("seq-1", "#bcd8ec", "#1f4560"),
    Role("seq-2", "#86b9dd", "#235f88"),
    Role("seq-3", "#4a94c7", "#3478a9"),
    Role("seq-4", "#0072b1", "#62a9dc"),
    Role("seq-5", "#004d7a", "#a5d3f5"),
)
INK_ON_SEQUENCE: Final = tuple(
    Role(f"on-seq-{step}", light, dark)
    for step, (light, dark) in enumerate(
        [
            ("#1b1f25", "#f2f4f6"),
            ("#1b1f26", "#f2f4f7"),
            ("#1b1f27", "#f2f4f8"),
            ("#0c0e10", "#ffffff"),
            ("#ffffff", "#0c0e11"),
            ("#fffffe", "#0c0e12"),
        ]
    )
)


def step_of(value: float, most: float) -> int:
    """The step of SEQUENCE for a value up to `most`, by its square root, so that small ones differ too."""
    if most <= 0 or value <= 0:
        return 0
    return min(int((value / most) ** 0.5 * len(SEQUENCE)), len(SEQUENCE) - 1)


def step_between(value: float, least: float, most: float) -> int:
    """The step of SEQUENCE for a value from `least` to `most`, in equal steps."""
    if most <= least:
        return 0
    return max(0, min(int((value - least) / (most - least) * len(SEQUENCE)), len(SEQUENCE) - 1))


ROLES: Final = (
    INK,
    MUTED,
    GRID,
    PAPER,
    PANEL,
    BLUE,
    ORANGE,
    GREEN,
    VERMILION,
    PURPLE,
    SKY,
    GOOD,
    BAD,
    CAUTION,
    *SEQUENCE,
    *INK_ON_SEQUENCE,
)


def css_variables(*, dark: bool) -> str:
    """The declarations of all roles, for a rule of the style sheet."""
    return "\n".join(f"  --{role.name}: {role.dark if dark else role.light};" for role in ROLES)
