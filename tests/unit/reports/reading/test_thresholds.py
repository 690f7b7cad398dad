"""Thresholds in words."""

import pytest

from reports.reading.thresholds import Thresholds


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        (Thresholds(), "none"),
        (Thresholds(at_least=0.02, beats_reference=True), "at least 0.02, better than popularity"),
        (
            Thresholds(behind_retrieval_order=0.01),
            "not more than 0.01 behind the order of retrieval for certain",
        ),
        # A margin for rounding.
        (Thresholds(behind_retrieval_order=1e-6), "not behind the order of retrieval for certain"),
    ],
)
def test_in_words(thresholds: Thresholds, words: str) -> None:
    assert thresholds.in_words("popularity") == words
