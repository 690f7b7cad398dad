"""Distances between two sets of data with their thresholds: those of the gate, and drift between runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reports.section import Column, Part, Table
from reports.verdict import Verdict, worst

# Distances are at most 1, so what has no threshold comes behind what has one.
_NO_THRESHOLD: Final = 2.0


@dataclass(frozen=True)
class DistanceCheck:
    """A value against its threshold, whoever measured it.

    Attributes:
      name: what is compared with what, such as "skew: train and eval".
      feature: what was measured, such as `ratings.user_gender`.
      measure: of the distance, such as "L-infinity".
      value: the distance.
      threshold: what it may be at most, None if there is no threshold.
      verdict: how it came out.
    """

    name: str
    feature: str
    measure: str
    value: float
    threshold: float | None
    verdict: Verdict


def checks_part(checks: Sequence[DistanceCheck], text: Iterable[str]) -> Part:
    """The table of checks, what missed its threshold first."""
    order = (Verdict.FAILED, Verdict.WARNING, Verdict.PASSED, Verdict.NO_THRESHOLD)
    ranked = sorted(
        checks,
        key=lambda check: (order.index(check.verdict), -check.value / (check.threshold or _NO_THRESHOLD)),
    )
    with_threshold = [check for check in checks if check.verdict is not Verdict.NO_THRESHOLD]
    missed = [check for check in with_threshold if check.verdict is not Verdict.PASSED]
    answer = f"{len(missed)} of {len(with_threshold)} distances with a threshold are above it"
    if missed:
        answer += f": {', '.join(f'{check.feature} ({check.name})' for check in ranked[: len(missed)][:4])}"
    return Part(
        "data-checks",
        "Drift and skew",
        answer=f"{answer}." if checks else "Nothing was compared.",
        text=tuple(text),
        tables=(
            Table(
                "checks",
                "Distances between data, with the thresholds of the data gate.",
                (
                    Column("feature"),
                    Column("verdict"),
                    Column("compared"),
                    Column("measure"),
                    Column("value", ".4f"),
                    Column("threshold", ".3g"),
                ),
                tuple(
                    (
                        check.feature,
                        check.verdict,
                        check.name,
                        check.measure,
                        check.value,
                        "no threshold" if check.threshold is None else check.threshold,
                    )
                    for check in ranked
                ),
                filterable=True,
                empty="There are no statistics to compare.",
            ),
        ),
        verdict=worst([check.verdict for check in checks]) if checks else None,
    )


def values(checks: Sequence[DistanceCheck]) -> dict[str, Any]:
    """The same for programs: by what was compared, then by feature."""
    found: dict[str, dict[str, Any]] = {}
    for check in checks:
        found.setdefault(check.name, {})[check.feature] = {
            "measure": check.measure,
            "value": check.value,
            "threshold": check.threshold,
            "verdict": check.verdict.value,
        }
    return found
