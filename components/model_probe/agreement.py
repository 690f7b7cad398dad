"""Whether Transform in the model makes of raw rows what it made of them for training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from components.data_gate.checks import Check, at_most
from components.model_probe.answers import shown
from components.model_probe.probe_data import Pair, ProbeData, pair_of
from components.model_probe.probed_process import Arrays

TRANSFORM: Final = "transform"


def agreement_checks(signature: str, answer: Arrays, data: ProbeData, threshold: float) -> list[Check]:
    """Compares the features that the signature gives for `data.rows` with the transformed Examples.

    Args:
      signature: its name.
      answer: dense features [B] and [B, width] by name, for the rows in their order. A feature of variable
        length is padded with zeros, in front or behind.
      data: the rows, and what Transform wrote for them.
      threshold: the largest difference of two numbers that may be.
    """
    pairs = [pair_of(row) for row in data.rows]
    lost = sum(pair not in data.transformed for pair in pairs)
    where = f"{len(pairs) - lost:,} rows of both splits"
    checks = [at_most(TRANSFORM, signature, "rows that Transform did not write", lost, 0, where)]
    known: set[str] = set().union(*data.transformed.values())
    odd = known ^ set(answer)
    checks.append(
        at_most(TRANSFORM, signature, "features on one side only", len(odd), 0, where, ", ".join(sorted(odd)))
    )
    largest, culprit = 0.0, ""
    for name in sorted(known & set(answer)):
        for pair, values in zip(pairs, answer[name], strict=True):
            if pair in data.transformed:
                difference = _difference(values, data.transformed[pair].get(name, []))
                if difference > largest:
                    largest, culprit = difference, _described(name, pair)
    return [*checks, at_most(TRANSFORM, signature, "largest difference", largest, threshold, where, culprit)]


def _difference(served: npt.NDArray[Any] | bytes, written: Sequence[Any]) -> float:
    """Between a value or a row of the signature and those of a transformed Example; inf for texts and NaN."""
    row: list[Any] = np.atleast_1d(np.asarray(served, object if isinstance(served, bytes) else None)).tolist()
    if any(isinstance(value, bytes) for value in (*row, *written)):
        return 0.0 if row == list(written) else float("inf")
    padding = [0] * max(0, len(row) - len(written))
    # Histories lose their oldest movies and titles their last words.
    aligned = ([*padding, *written[-len(row) :]], [*written[: len(row)], *padding])
    difference = min(float(np.max(np.abs(np.subtract(row, other, dtype=np.float64)))) for other in aligned)
    return float("inf") if np.isnan(difference) else difference


def _described(name: str, pair: Pair) -> str:
    return f"{name} of user {shown(pair[0])} and movie {shown(pair[1])}"
