"""Calibration of predicted ratings: mean rating by predicted rating."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

# The half-width of a 95 % interval of a mean, in standard errors.
_NORMAL_95: Final = 1.96


@dataclass(frozen=True)
class Calibration:
    """Rows in bins of about equal size, by predicted rating, the lowest first.

    Attributes:
      rows: [bins] rows in each bin.
      predicted: [bins] mean predicted rating, stars.
      actual: [bins] mean rating given, stars.
      margin: [bins] half-width of the 95 % interval of `actual`; NaN for a bin of one row.
      error: mean of |predicted - actual| over the bins, weighted by their rows, stars. It is the expected
        calibration error (Naeini et al. 2015) with bins of equal size.
    """

    rows: npt.NDArray[np.int64]
    predicted: Floats
    actual: Floats
    margin: Floats
    error: float


def calibrate(predicted: Floats, actual: Floats, bins: int = 10) -> Calibration:
    """Bins rows by predicted rating.

    Equal predictions stay in one bin, so there are fewer bins where a model predicts the same of many rows.

    Args:
      predicted: [rows] finite, at least one.
      actual: [rows] ratings given.
      bins: the most bins.
    """
    order = np.argsort(predicted, kind="stable")
    predicted, actual = predicted[order].astype(np.float64), actual[order].astype(np.float64)
    cuts = predicted[[len(predicted) * cut // bins for cut in range(1, bins)]]
    bin_of = np.searchsorted(cuts, predicted, side="right")
    _, bin_of, rows = np.unique(bin_of, return_inverse=True, return_counts=True)
    mean_predicted, mean_actual = (np.bincount(bin_of, values) / rows for values in (predicted, actual))
    squares = np.bincount(bin_of, (actual - mean_actual[bin_of]) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        margin = _NORMAL_95 * np.sqrt(squares / (rows - 1) / rows)
    return Calibration(
        rows=rows,
        predicted=mean_predicted,
        actual=mean_actual,
        margin=np.where(rows > 1, margin, np.nan),
        error=float(np.sum(np.abs(mean_predicted - mean_actual) * rows) / rows.sum()),
    )
