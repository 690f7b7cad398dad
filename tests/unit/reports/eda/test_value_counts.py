"""Statistics from counts are those of the rows, as pandas describes them."""

import math
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.eda.value_counts import ValueCounts


@given(st.lists(st.integers(-50, 50).map(float), min_size=2, max_size=60))
def test_the_same_as_over_rows(rows: list[float]) -> None:
    found = ValueCounts.of(Counter(rows))
    described = pd.Series(rows).describe()

    assert found.total == len(rows)
    assert found.mean == pytest.approx(described["mean"], abs=1e-9)
    assert found.std == pytest.approx(described["std"], abs=1e-9)
    for share, name in ((0, "min"), (0.25, "25%"), (0.5, "50%"), (0.75, "75%"), (1, "max")):
        assert found.quantile(share) == pytest.approx(described[name], abs=1e-9)


def test_nothing_has_no_statistics() -> None:
    empty = ValueCounts.of(Counter())

    assert empty.total == 0
    assert all(math.isnan(value) for value in (empty.mean, empty.std, empty.quantile(0.5)))
    assert math.isnan(ValueCounts.of(Counter({3.0: 1})).std)
