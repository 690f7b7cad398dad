"""The record of a probe as JSON, and a line about it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from components.data_gate.checks import FAILED, Check
from components.model_probe.probe import LATENCY
from components.model_probe.probed_process import MEMORY

# Failed checks that the message spells out.
_LISTED: Final = 2


@dataclass(frozen=True)
class ProbeRecord:
    """What a probe found; `checks` has what failed first."""

    checks: Sequence[Check]

    @property
    def failed(self) -> list[Check]:
        """The checks for which the model is refused."""
        return [check for check in self.checks if check.verdict == FAILED]

    @property
    def blessed(self) -> bool:
        """Whether the model may be pushed."""
        return not self.failed

    def to_json(self) -> str:
        """The record for people and programs."""
        tree: dict[str, Any] = {
            "blessed": self.blessed,
            "checks": [_plain(check) for check in self.checks],
        }
        return json.dumps(tree, indent=2, allow_nan=False) + "\n"

    def reason(self) -> str:
        """Why the model is refused, the gravest first; "" if it is not."""
        listed = "; ".join(check.sentence() for check in self.failed[:_LISTED])
        more = f"; and {len(self.failed) - _LISTED} more" if len(self.failed) > _LISTED else ""
        return listed + more

    def summary(self) -> str:
        """The line on the console."""
        if not self.blessed:
            return f"refused: {self.reason()}"
        slowest = max(
            (check for check in self.checks if check.name == LATENCY), key=lambda check: check.value or 0
        )
        [memory] = [check for check in self.checks if check.name == MEMORY]
        return (
            f"{len(self.checks)} checks passed, warm {slowest.feature} {slowest.value:.1f} ms, "
            f"memory +{memory.value:,.0f} MiB"
        )


def _plain(check: Check) -> dict[str, Any]:
    # JSON does not have a word for a value that is not a number.
    value = None if check.value is None or not math.isfinite(check.value) else check.value
    return {**asdict(check), "value": value}
