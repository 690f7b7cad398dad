"""How something measured against a threshold came out, or beside the same of another run."""

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


class RunChange(enum.Enum):
    """How a metric of a run is beside that of another run, shown as a `Verdict` is."""

    BETTER = "better"
    WORSE = "worse"
    WITHIN = "within the interval"
    """The difference is not beyond what chance does."""
    UNJUDGED = "not judged"
    """There is no interval, or the metric has no better side."""

    @property
    def sign(self) -> str:
        """One character that distinguishes the changes without colour."""
        return {"better": "▲", "worse": "▼", "within the interval": "≈", "not judged": "·"}[self.value]


def worst(verdicts: list[Verdict]) -> Verdict:
    """The one that decides: failed before warning before passed; no threshold if nothing else is there."""
    for verdict in (Verdict.FAILED, Verdict.WARNING, Verdict.PASSED):
        if verdict in verdicts:
            return verdict
    return Verdict.NO_THRESHOLD
