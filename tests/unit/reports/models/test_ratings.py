"""Calibration and crossed features as parts of the page."""

import json
from pathlib import Path

import numpy as np
import pytest

from contracts import artifacts
from reports.models.ratings import calibration_part, cross_part
from reports.reading.evaluated_model import EvaluatedRatings
from reports.reading.run_data import Node, NodeState
from reports.reading.trained_models import TrainedModel


def test_calibration_of_the_model_beside_its_reference() -> None:
    actual = np.array([1, 1, 5, 5], np.float32)
    ratings = EvaluatedRatings(
        actual,
        model=np.array([1.5, 1.5, 4.5, 4.5], np.float32),
        reference=np.full(4, 3, np.float32),
    )

    part, metrics = calibration_part("ranking", ratings, rows=300_000)

    # Half a star too high below and too low above; the reference predicts the mean for everybody.
    assert (metrics["error"], metrics["reference_error"]) == (0.5, 0)
    assert (metrics["predicted"], metrics["actual"]) == ([1.5, 4.5], [1, 5])
    assert part.tables[0].rows == ((1, 2, 1.5, 1.0, 0.5), (2, 2, 4.5, 5.0, -0.5))
    # The reader sees that these are not all rows of the split.
    assert "one in 3 of 300,000" in part.tables[0].caption
    assert [chart.id for chart in part.charts] == ["ranking-reliability", "ranking-by-stars"]
    assert "1: 1.50, 5: 4.50" in part.charts[1].answer


def trained(folder: Path, weights: dict[str, object] | None) -> TrainedModel:
    if weights is not None:
        (folder / artifacts.CROSS_WEIGHTS_FILE).write_text(json.dumps(weights))
    trainer = Node("RankingTrainer", NodeState.DONE)
    return TrainedModel("ranking", trainer, folder, folder, evaluation=None, served=None, pushed="")


def test_pairs_of_crossed_features_by_the_norm_of_both_directions(tmp_path: Path) -> None:
    first_layer, second_layer = [[1.0, 3.0, 0.0], [4.0, 2.0, 0.0], [0.0, 12.0, 0.5]], [[9.0] * 3] * 3
    features = ["user_index", "movie_index", "genres_multi_hot"]

    found = cross_part(trained(tmp_path, {"features": features, "layers": [first_layer, second_layer]}))

    assert found is not None
    part, metrics = found
    # movie x genres has 0 one way and 12 the other, user x movie has 3 and 4, so 5.
    assert list(metrics["strongest_pairs"].items())[:3] == [
        ("movie x genres multi hot", pytest.approx(12)),
        ("user x movie", pytest.approx(5)),
        ("movie x movie", pytest.approx(2)),
    ]
    assert part.answer == "The first cross layer weighs movie x genres multi hot most (norm 12.00)."
    assert [chart.id for chart in part.charts] == ["ranking-cross-1", "ranking-cross-2"]


def test_a_model_without_cross_layers_has_no_such_part(tmp_path: Path) -> None:
    assert cross_part(trained(tmp_path, None)) is None
    assert cross_part(trained(tmp_path, {"features": ["user_index"], "layers": []})) is None
