"""A check: a value, its threshold, and how it came out."""

from __future__ import annotations

import math
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
      setting: what lets this very value pass, such as `data_gate.max_cold_share=0.25`; "" if no setting does.
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
    setting: str = ""

    @property
    def can_be_accepted(self) -> bool:
        """Whether two sets of data are compared, which a review of this data can overrule."""
        return self.name in (SKEW, *COMPARISONS)

    def sentence(self) -> str:
        """One line for an error: feature, value, threshold."""
        value = "" if self.value is None else f" {_number(self.value)}"
        threshold = "" if self.threshold is None else f" (threshold: {self.bound} {_number(self.threshold)})"
        where = f", {self.where}" if self.where else ""
        detail = f": {self.detail}" if self.detail else ""
        setting = f" [--set '{self.setting}' lets it pass]" if self.setting else ""
        return f"{self.feature}: {self.name}, {self.measure}{value}{threshold}{where}{detail}{setting}"


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
    name: str,
    feature: str,
    measure: str,
    value: float,
    threshold: float,
    where: str = "",
    detail: str = "",
    setting: str = "",
) -> Check:
    """A check that a value is not above its threshold; one that is not a number fails.

    `setting` is the key of the threshold, such as `data_gate.max_cold_share`.
    """
    verdict: Verdict = PASSED if value <= threshold else FAILED
    setting = f"{setting}={_raised(value)}" if setting and verdict == FAILED and math.isfinite(value) else ""
    return Check(name, feature, measure, value, threshold, "at most", verdict, where, detail, setting)


def at_least(
    name: str,
    feature: str,
    measure: str,
    value: float,
    threshold: float,
    where: str = "",
    detail: str = "",
    setting: str = "",
) -> Check:
    """A check that a value is not below its threshold; one that is not a number fails.

    `setting` is the key of the threshold, a whole number.
    """
    verdict: Verdict = PASSED if value >= threshold else FAILED
    setting = f"{setting}={value:.0f}" if setting and verdict == FAILED and math.isfinite(value) else ""
    return Check(name, feature, measure, value, threshold, "at least", verdict, where, detail, setting)


def _raised(value: float) -> str:
    """A round threshold that `value` is not above: the next twentieth of a share, or whole number."""
    return f"{math.ceil(value * 20) / 20:g}" if value <= 1 else f"{math.ceil(value)}"


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
