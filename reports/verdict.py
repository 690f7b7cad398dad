"""How something measured against a bar came out."""

import enum


class Verdict(enum.Enum):
    """The outcome beside a figure; the page shows its words and a sign, so that colour is never alone."""

    PASSED = "passed"
    FAILED = "failed"
    WARNING = "warning"
    NO_BAR = "no bar"
    """There is a figure, and nothing it has to reach."""

    @property
    def sign(self) -> str:
        """One character that tells the verdicts apart without colour."""
        return {"passed": "✓", "failed": "✗", "warning": "!", "no bar": "·"}[self.value]


def worst(verdicts: list[Verdict]) -> Verdict:
    """The one that decides: failed before warning before passed; no bar if nothing else is there."""
    for verdict in (Verdict.FAILED, Verdict.WARNING, Verdict.PASSED):
        if verdict in verdicts:
            return verdict
    return Verdict.NO_BAR
