"""Features of the signature against transformed Examples, with differences worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.model_probe.agreement import agreement_checks
from components.model_probe.probe_data import ProbeData

PAIRS = [(b"ann", b"1"), (b"ben", b"2")]
WRITTEN: dict[str, list[list[Any]]] = {
    "user_id": [[b"ann"], [b"ben"]],
    "user_index": [[1], [2]],
    "age_normalized": [[0.25], [-1.5]],
    "genres_multi_hot": [[0.0, 1.0], [1.0, 0.0]],
    # Longer than the model reads, and nothing at all.
    "history_movie_index": [[9, 8, 7, 6], []],
    "title_word_index": [[4], [5, 6, 7, 8]],
}
SERVED: dict[str, Any] = {
    "user_id": np.array([b"ann", b"ben"], object),
    "user_index": np.array([1, 2]),
    "age_normalized": np.array([0.25, -1.5], np.float32),
    "genres_multi_hot": np.array([[0, 1], [1, 0]], np.float32),
    "history_movie_index": np.array([[8, 7, 6], [0, 0, 0]]),
    "title_word_index": np.array([[4, 0, 0], [5, 6, 7]]),
}


def row(user: bytes, movie: bytes) -> bytes:
    example = tf.train.Example()
    example.features.feature["user_id"].bytes_list.value.append(user)
    example.features.feature["movie_id"].bytes_list.value.append(movie)
    serialized: bytes = example.SerializeToString()
    return serialized


def failed(served: dict[str, Any], rows: int = 2) -> list[str]:
    transformed = {
        pair: {name: values[position] for name, values in WRITTEN.items()}
        for position, pair in enumerate(PAIRS[:rows])
    }
    data = ProbeData({}, [row(*pair) for pair in PAIRS], transformed, {}, (1, 5))
    checks = agreement_checks("transform_features", served, data, 1e-6)
    assert [check.measure for check in checks] == [
        "rows that Transform did not write",
        "features on one side only",
        "largest difference",
    ]
    return [check.sentence() for check in checks if check.verdict == "failed"]


def test_padding_and_what_the_model_does_not_read_are_no_difference() -> None:
    assert failed(SERVED) == []


@pytest.mark.parametrize(
    ("name", "value", "difference"),
    [
        ("age_normalized", np.array([0.25, -1.25], np.float32), "0.25"),
        ("history_movie_index", np.array([[7, 8, 6], [0, 0, 0]]), "1"),
        ("user_id", np.array([b"ann", b"bob"], object), "inf"),
        ("age_normalized", np.array([0.25, np.nan], np.float32), "inf"),
    ],
)
def test_the_largest_difference_is_named(name: str, value: Any, difference: str) -> None:
    [sentence] = failed({**SERVED, name: value})
    assert f"largest difference {difference} (threshold: at most 1e-06)" in sentence
    assert f": {name} of user " in sentence


def test_rows_and_features_on_one_side_only() -> None:
    found = failed({**SERVED, "one_more": np.array([0, 0])}, rows=1)
    assert "rows that Transform did not write 1 (threshold: at most 0)" in found[0]
    assert found[1].endswith(
        "features on one side only 1 (threshold: at most 0), 1 rows of both splits: one_more"
    )
