"""A check: a value, its threshold, and how it came out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

Verdict = Literal["passed", "failed", "allowed", "not compared"]

PASSED: Final = "passed"
FAILED: Final = "failed"
# Missed its threshold, and somebody who looked at it lets it pass.
ALLOWED: Final = "allowed"
# There was nothing to compare with, or the two are not expected to be alike.
NOT_COMPARED: Final = "not compared"


@dataclass(frozen=True)
class Check:
    """A value against its threshold.

    Attributes:
      name: the kind of check, such as "drift".
      feature: what was measured: `ratings.user_gender`, or the table alone.
      measure: such as "L-infinity".
      value: what was measured, None where nothing could be.
      threshold: what it may be, None where it may be anything.
      bound: on which side of the threshold the value has to be.
      verdict: how it came out.
      where: which data, such as "train split".
      detail: more for people: the anomaly's description, examples, why it was let pass.
    """

    name: str
    feature: str
    measure: str
    value: float | None
    threshold: float | None
    bound: Literal["at most", "at least"]
    verdict: Verdict
    where: str = ""
    detail: str = ""

    @property
    def is_comparison(self) -> bool:
        """Whether the value is relative to the last accepted run, which a review can overrule."""
        return self.name in COMPARISONS

    def sentence(self) -> str:
        """One line for an error: feature, value, threshold."""
        value = "" if self.value is None else f" {_number(self.value)}"
        threshold = "" if self.threshold is None else f" (threshold: {self.bound} {_number(self.threshold)})"
        where = f", {self.where}" if self.where else ""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.feature}: {self.name}, {self.measure}{value}{threshold}{where}{detail}"


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
    name: str, feature: str, measure: str, value: float, threshold: float, where: str = "", detail: str = ""
) -> Check:
    """A check that a value is not above its threshold; one that is not a number fails."""
    verdict: Verdict = PASSED if value <= threshold else FAILED
    return Check(name, feature, measure, value, threshold, "at most", verdict, where, detail)


def at_least(
    name: str, feature: str, measure: str, value: float, threshold: float, where: str = "", detail: str = ""
) -> Check:
    """A check that a value is not below its threshold; one that is not a number fails."""
    verdict: Verdict = PASSED if value >= threshold else FAILED
    return Check(name, feature, measure, value, threshold, "at least", verdict, where, detail)


def not_compared(name: str, feature: str, measure: str, why: str) -> Check:
    """A check that could not be made, which the record shows too."""
    return Check(name, feature, measure, None, None, "at most", NOT_COMPARED, detail=why)


def allowed(check: Check, reason: str) -> Check:
    """The same check, let pass for `reason` if it failed."""
    if check.verdict != FAILED:
        return check
    detail = f"{check.detail}; " if check.detail else ""
    return replace(check, verdict=ALLOWED, detail=f"{detail}let pass: {reason}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"
