"""Accuracy by score and by id while embeddings die, and the page."""

import csv
from pathlib import Path

import numpy as np
import pytest

from studies.accuracies import read
from studies.collapse import report, with_dead
from tests.unit.studies.worlds import ratings

MOVIES = 400
RANDOM = np.random.default_rng(7)
SCORES = RANDOM.random((50, MOVIES)) + 0.1
EVALUATION = ratings([(user, movie, 3.0, 0) for user in range(50) for movie in range(0, MOVIES, 8)])


def test_dead_towers_read_one_by_score_and_chance_by_id() -> None:
    reading = read(with_dead(SCORES, 1.0, seed=1), EVALUATION, seed=1)

    assert reading.by_score == {10: 1.0, 100: 1.0}
    assert reading.by_id[10] == pytest.approx(10 / MOVIES, abs=0.01)
    assert reading.by_id[100] == pytest.approx(100 / MOVIES, abs=0.03)


def test_the_configured_share_dies() -> None:
    alive = with_dead(np.ones((50, MOVIES)), 0.9, seed=1)

    assert np.count_nonzero(alive.any(axis=1)) == 5
    assert np.count_nonzero(alive.any(axis=0)) == 40


def test_results_name_the_data_and_the_share(tmp_path: Path) -> None:
    text = report({1.0: read(np.zeros((50, MOVIES)), EVALUATION, seed=1)}, "ml-100k, split random", tmp_path)

    assert "ml-100k, split random" in text
    assert "| 100% | 1.0000" in text
    with (tmp_path / "results.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert row["top-10 by score"] == "1.0"
    assert (tmp_path / "collapse.svg").is_file()
