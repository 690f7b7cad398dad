"""The record of a decision as JSON, and the one message that a refusal ends in."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from components.data_gate.accepted import AcceptedData
from components.data_gate.checks import (
    ALLOWED,
    FAILED,
    PASSED,
    Check,
)
from components.data_gate.judgement import Baseline

# Failed checks that the message spells out.
_LISTED: Final = 6


class DataGateError(ValueError):
    """The data did not pass, or the gate cannot judge it; the message names what to do."""


@dataclass(frozen=True)
class GateRecord:
    """A decision with everything that it is based on.

    Attributes:
      store: where accepted data is kept.
      data: digest of the data.
      baseline: what it was compared with.
      checks: all of them.
    """

    store: AcceptedData
    data: str
    baseline: Baseline
    checks: Sequence[Check]

    @property
    def failed(self) -> list[Check]:
        """The checks that stop the run."""
        return [check for check in self.checks if check.verdict == FAILED]

    def to_json(self) -> str:
        """The record for people and programs."""
        entry, review = self.baseline.entry, self.baseline.review
        tree: dict[str, Any] = {
            "accepted": not self.failed,
            "data": self.data,
            "accepted_data": asdict(self.store),
            "baseline": {
                "note": self.baseline.note,
                "entry": dict(entry.about) if entry else None,
                "review": dict(review.about) if review else None,
            },
            "checks": [_plain(check) for check in self.checks],
        }
        return json.dumps(tree, indent=2, allow_nan=False) + "\n"

    def summary(self) -> str:
        """The line on the console."""
        counts = Counter(check.verdict for check in self.checks)
        parts = [f"{counts[PASSED]} checks passed"]
        parts += [f"{counts[verdict]} {verdict}" for verdict in (FAILED, ALLOWED) if counts[verdict]]
        return f"{', '.join(parts)}; {self.baseline.note}"

    def refusal(self, kept_at: str) -> str:
        """What the run ends with; every failed check is in the record at `kept_at`."""
        failed = self.failed
        listed = "; ".join(check.sentence() for check in failed[:_LISTED])
        more = f"; and {len(failed) - _LISTED} more" if len(failed) > _LISTED else ""
        advice = ["Mend the data"]
        if any(check.setting for check in failed):
            advice.append("let it pass by the setting beside it")
        if any(check.can_be_accepted for check in failed):
            advice.append(
                f'accept a change that is meant with: python -m pipeline gate accept {kept_at} --reason "..."'
            )
        return (
            f"the data did not pass {len(failed)} of {len(self.checks)} checks ({self.baseline.note}): "
            f"{listed}{more}. Every check is in {kept_at}. {', or '.join(advice)}"
        )


def _plain(check: Check) -> dict[str, Any]:
    # JSON does not have a word for a value that is not a number.
    value = None if check.value is None or not math.isfinite(check.value) else check.value
    return {**asdict(check), "value": value}


def read_record(text: str) -> tuple[AcceptedData, str, list[Check]]:
    """Reads what `GateRecord.to_json` gave: the store, the digest of the data, and the checks.

    Raises:
      DataGateError: the text is not a record.
    """
    try:
        tree = json.loads(text)
        return (
            AcceptedData(**tree["accepted_data"]),
            tree["data"],
            [Check(**check) for check in tree["checks"]],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataGateError(f"is not a record of the data gate ({error})") from error
