"""The checks of a record, of the data gate or of the model probe, as a table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reports.section import Column, Table
from reports.verdict import Verdict

# A check's word for how it came out, and the page's, what failed first.
_VERDICTS: Final = {
    "failed": Verdict.FAILED,
    "allowed": Verdict.WARNING,
    "passed": Verdict.PASSED,
    "not compared": Verdict.NO_THRESHOLD,
}

# Rows that a reader sees at a glance.
_FEW: Final = 10

Checks = Sequence[Mapping[str, Any]]


def counted(checks: Checks) -> str:
    """How many came out how, such as "1 failed, 40 passed"."""
    counts = Counter(check["verdict"] for check in checks)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in _VERDICTS if counts[verdict])


def checks_tables(table_id: str, judge: str, measured: str, where: str, checks: Checks) -> Iterator[Table]:
    """The checks with their values and thresholds: what failed or was allowed, and the others folded.

    Args:
      table_id: id of the table of what did not pass; that of the others ends in `-passed`.
      judge: who made the checks, such as "the data gate".
      measured: what to call that which was measured.
      where: what to call that which it was measured on.
      checks: as a record holds them.
    """
    missed = [check for check in checks if check["verdict"] in ("failed", "allowed")]
    others = [check for check in checks if check not in missed]
    if missed:
        caption = f"Checks of {judge} that did not pass, what failed first."
        yield _table(table_id, caption, measured, where, missed, folded=False)
    yield _table(f"{table_id}-passed", f"Other checks of {judge}.", measured, where, others, folded=True)


def _table(table_id: str, caption: str, measured: str, where: str, checks: Checks, *, folded: bool) -> Table:
    order = list(_VERDICTS)
    return Table(
        table_id,
        caption,
        (
            Column(measured),
            Column("verdict"),
            Column("check"),
            Column("measure"),
            Column("value"),
            Column("threshold"),
            Column(where),
            Column("in detail"),
        ),
        tuple(
            (
                check["feature"],
                _VERDICTS[check["verdict"]],
                check["name"],
                check["measure"],
                _rounded(check["value"]),
                None
                if check["threshold"] is None
                else f"{check['bound']} {shown(_rounded(check['threshold']))}",
                check["where"],
                check["detail"],
            )
            for check in sorted(checks, key=lambda check: order.index(check["verdict"]))
        ),
        filterable=len(checks) > _FEW,
        folded=folded,
    )


def shown(value: float | None) -> str:
    """A value of a check in words."""
    return "none" if value is None else f"{value:,}"


def _rounded(value: float | None) -> float | None:
    """Counts are whole, and of other values four digits are enough."""
    if value is None or not math.isfinite(value):
        return value
    return int(value) if float(value).is_integer() else float(f"{value:.4g}")
