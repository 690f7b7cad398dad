"""A check: a figure, its bar, and how it came out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

Verdict = Literal["passed", "failed", "allowed", "not compared"]

PASSED: Final = "passed"
FAILED: Final = "failed"
# Missed its bar, and somebody who looked at it lets it pass.
ALLOWED: Final = "allowed"
# There was nothing to compare with, or the two are not expected to be alike.
NOT_COMPARED: Final = "not compared"


@dataclass(frozen=True)
class Check:
    """A figure against its bar.

    Attributes:
      name: the kind of check, such as "drift".
      feature: what was measured: `ratings.user_gender`, or the table alone.
      measure: such as "L-infinity".
      figure: what was measured, None where nothing could be.
      bar: what it may be, None where it may be anything.
      bound: on which side of the bar the figure has to be.
      verdict: how it came out.
      where: which data, such as "train split".
      detail: more for people: the anomaly's description, examples, why it was let pass.
    """

    name: str
    feature: str
    measure: str
    figure: float | None
    bar: float | None
    bound: Literal["at most", "at least"]
    verdict: Verdict
    where: str = ""
    detail: str = ""

    @property
    def is_comparison(self) -> bool:
        """Whether the figure is relative to the last accepted run, which a review can overrule."""
        return self.name in COMPARISONS

    def sentence(self) -> str:
        """One line for an error: feature, figure, bar."""
        figure = "" if self.figure is None else f" {_number(self.figure)}"
        bar = "" if self.bar is None else f" (bar: {self.bound} {_number(self.bar)})"
        where = f", {self.where}" if self.where else ""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.feature}: {self.name}, {self.measure}{figure}{bar}{where}{detail}"


ANOMALY: Final = "anomaly"
MISSING: Final = "missing values"
SPREAD: Final = "spread"
VOLUME: Final = "volume"
CATALOGUE: Final = "catalogue"
SKEW: Final = "train/eval skew"
DRIFT: Final = "drift"
TIME_SHIFT: Final = "time shift"
VOLUME_CHANGE: Final = "volume change"

# What is measured against the last accepted run.
COMPARISONS: Final = (DRIFT, TIME_SHIFT, VOLUME_CHANGE)


def at_most(
    name: str, feature: str, measure: str, figure: float, bar: float, where: str = "", detail: str = ""
) -> Check:
    """A check that a figure is not above its bar; one that is no number fails."""
    verdict: Verdict = PASSED if figure <= bar else FAILED
    return Check(name, feature, measure, figure, bar, "at most", verdict, where, detail)


def at_least(
    name: str, feature: str, measure: str, figure: float, bar: float, where: str = "", detail: str = ""
) -> Check:
    """A check that a figure is not below its bar; one that is no number fails."""
    verdict: Verdict = PASSED if figure >= bar else FAILED
    return Check(name, feature, measure, figure, bar, "at least", verdict, where, detail)


def not_compared(name: str, feature: str, measure: str, why: str) -> Check:
    """A check that could not be made, which the record says too."""
    return Check(name, feature, measure, None, None, "at most", NOT_COMPARED, detail=why)


def allowed(check: Check, reason: str) -> Check:
    """The same check, let pass for `reason` if it failed."""
    if check.verdict != FAILED:
        return check
    detail = f"{check.detail}; " if check.detail else ""
    return replace(check, verdict=ALLOWED, detail=f"{detail}let pass: {reason}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"
