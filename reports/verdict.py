"""How something measured against a threshold came out."""

import enum


class Verdict(enum.Enum):
    """The outcome beside a value; the page shows its words and a sign, so that colour is never alone."""

    PASSED = "passed"
    FAILED = "failed"
    WARNING = "warning"
    NO_THRESHOLD = "no threshold"
    """There is a value without a threshold to reach."""

    @property
    def sign(self) -> str:
        """One character that distinguishes the verdicts without colour."""
        return {"passed": "✓", "failed": "✗", "warning": "!", "no threshold": "·"}[self.value]


def worst(verdicts: list[Verdict]) -> Verdict:
    """The one that decides: failed before warning before passed; no threshold if nothing else is there."""
    for verdict in (Verdict.FAILED, Verdict.WARNING, Verdict.PASSED):
        if verdict in verdicts:
            return verdict
    return Verdict.NO_THRESHOLD
