"""Calibration by hand."""

import math

import numpy as np
import pytest

from reports.models.calibration import calibrate


def test_bins_of_equal_size_by_hand() -> None:
    found = calibrate(np.array([4.0, 1.0, 2.0, 3.0]), np.array([5.0, 1.0, 2.0, 2.0]), bins=2)

    # 1 and 2 in the lower bin, 3 and 4 in the upper one.
    assert found.rows.tolist() == [2, 2]
    assert found.predicted.tolist() == [1.5, 3.5]
    assert found.actual.tolist() == [1.5, 3.5]
    # Standard errors of (1, 2) and (2, 5): sqrt(0.5 / 2) and sqrt(4.5 / 2).
    assert found.margin.tolist() == pytest.approx([1.96 * 0.5, 1.96 * 1.5])
    assert found.error == 0


def test_error_is_weighted_by_rows() -> None:
    # Equal predictions stay together: three rows predicted 2, one predicted 4.
    found = calibrate(np.array([2.0, 2.0, 2.0, 4.0]), np.array([1.0, 1.0, 4.0, 5.0]), bins=4)

    assert found.rows.tolist() == [3, 1]
    assert found.predicted.tolist() == [2, 4]
    assert found.actual.tolist() == [2, 5]
    assert found.error == pytest.approx((3 * 0 + 1 * 1) / 4)
    assert math.isnan(found.margin[1])


def test_one_row() -> None:
    found = calibrate(np.array([3.5], np.float32), np.array([3.0], np.float32))

    assert (found.rows.tolist(), found.error) == ([1], 0.5)


def test_a_perfect_model_has_no_error_and_a_shifted_one_its_shift() -> None:
    actual = np.random.default_rng(0).uniform(1, 5, 1_000)

    assert calibrate(actual, actual).error == pytest.approx(0)
    assert calibrate(actual - 0.25, actual).error == pytest.approx(0.25)
    assert calibrate(actual, actual).rows.tolist() == [100] * 10
