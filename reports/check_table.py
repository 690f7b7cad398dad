"""The checks of a record, of the data gate or of the model probe, as a table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
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

Checks = Sequence[Mapping[str, Any]]


def counted(checks: Checks) -> str:
    """How many came out how, such as "1 failed, 40 passed"."""
    counts = Counter(check["verdict"] for check in checks)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in _VERDICTS if counts[verdict])


def checks_table(table_id: str, caption: str, measured: str, where: str, checks: Checks) -> Table:
    """Every check with its value and its threshold, what failed first.

    Args:
      table_id: its id on the page.
      caption: what the table holds.
      measured: what to call that which was measured.
      where: what to call that which it was measured on.
      checks: as a record holds them.
    """
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
            Column("bound"),
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
                check["bound"] if check["threshold"] is not None else None,
                _rounded(check["threshold"]),
                check["where"],
                check["detail"],
            )
            for check in sorted(checks, key=lambda check: order.index(check["verdict"]))
        ),
        filterable=True,
    )


def _rounded(value: float | None) -> float | None:
    """Counts are whole, and of other values four digits are enough."""
    if value is None or not math.isfinite(value):
        return value
    return int(value) if float(value).is_integer() else float(f"{value:.4g}")
