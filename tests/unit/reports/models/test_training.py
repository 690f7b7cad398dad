"""What the report has to say of a fit."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.artifacts import FIT_FILE
from reports.models.training import training_part
from reports.reading.run_data import Node, NodeState
from reports.reading.trained_models import TrainedModel


@pytest.mark.parametrize(
    ("hyperparameters", "words"),
    [
        ({"validation": "last", "validation_share": 0.05}, "the last training rating of each user"),
        ({"validation": "latest", "validation_share": 0.2}, "the latest 0.2 of the train split"),
        ({"validation": "random", "validation_share": 0.05}, "a hash of user and movie"),
        # Ranking does not have the setting.
        ({"validation_share": 0.05}, "a hash of user and movie"),
    ],
)
def test_validation_examples_are_those_of_the_setting(
    hyperparameters: dict[str, Any], words: str, tmp_path: Path
) -> None:
    fit = {
        "monitor": "val_loss",
        "best_epoch": 2,
        "best": 0.5,
        "seconds": 3.0,
        "epochs": {"loss": [0.9, 0.7, 0.6], "val_loss": [0.8, 0.5, 0.55]},
        "hyperparameters": hyperparameters,
    }
    (tmp_path / FIT_FILE).write_text(json.dumps(fit))
    trainer = Node("RetrievalTrainer", NodeState.DONE)

    part = training_part(TrainedModel("retrieval", trainer, tmp_path, tmp_path, None, None, ""))

    assert "best of 3 epochs is epoch 2" in part.answer
    [chart] = part.charts
    assert words in chart.note
