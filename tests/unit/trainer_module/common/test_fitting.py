"""A fit reports its progress, keeps its best epoch and fails where it diverges."""

import json
import logging
import math
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from contracts import artifacts
from trainer_module.common import fitting
from trainer_module.common.fitting import DivergedError, fit, learning_rate, refit
from trainer_module.common.hyperparameters import FitHyperparameters

ONE_BATCH = tf.data.Dataset.from_tensors(tf.ones([2, 1]))


class Climber(tf.keras.Model):
    """One weight that each epoch of one batch raises by 1; validation measures how far it is from 2.

    The loss of epoch `nan_at` is not a number.
    """

    def __init__(self, nan_at: int = 0) -> None:
        super().__init__()
        self.height = self.add_weight("height", initializer="zeros")
        self._nan_at = nan_at

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs * self.height

    def train_step(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        self.height.assign_add(1.0)
        loss = tf.where(self.height == float(self._nan_at), math.nan, -self.height)
        return {"loss": loss, "rate": tf.convert_to_tensor(self.optimizer.learning_rate)}

    def test_step(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"distance": tf.abs(self.height - 2), "nearness": 2 - tf.abs(self.height - 2)}


def fitted(model: tf.keras.Model, folder: Path, monitor: str = "val_distance", **more: Any) -> dict[str, Any]:
    model.compile()
    return fit(
        model,
        ONE_BATCH,
        ONE_BATCH,
        FitHyperparameters(epochs=10, patience=3, **more.get("settings", {})),
        monitor=monitor,
        mode=more.get("mode", "min"),
        model_run_dir=str(folder),
    )


@pytest.mark.parametrize(
    ("monitor", "mode", "best"), [("val_distance", "min", 0), ("val_nearness", "max", 2)]
)
def test_the_best_epoch_s_weights_come_back(tmp_path: Path, monitor: str, mode: str, best: float) -> None:
    model = Climber()
    record = fitted(model, tmp_path, monitor, mode=mode)
    # Epoch 2 is best and patience 3, so epoch 5 is the last.
    assert model.height.numpy() == 2
    assert (record["best_epoch"], record["best"]) == (2, best)
    assert record["epochs"]["loss"] == [-1, -2, -3, -4, -5]


def test_what_a_fit_leaves_behind(tmp_path: Path) -> None:
    record = fitted(Climber(), tmp_path)
    assert json.loads((tmp_path / artifacts.FIT_FILE).read_text()) == record
    assert record["epochs"]["val_distance"] == [1, 0, 1, 2, 3]
    assert record["hyperparameters"]["patience"] == 3
    assert record["monitor"] == "val_distance"
    assert record["seconds"] >= 0
    assert list((tmp_path / "checkpoints").glob("best*"))
    assert list((tmp_path / "tensorboard").rglob("events.out.tfevents*"))


def test_batches_are_reported_within_an_epoch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "_SECONDS_BETWEEN", 0.0)
    with caplog.at_level(logging.DEBUG, artifacts.PROGRESS_LOGGER):
        fitted(Climber(), tmp_path)
    batches = [record for record in caplog.records if getattr(record, "batch", 0)]
    assert [(record.epoch, record.epochs, record.batch) for record in batches[:2]] == [(1, 10, 1), (2, 10, 1)]  # type: ignore[attr-defined]


def test_each_epoch_is_logged_with_its_metric(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, artifacts.PROGRESS_LOGGER):
        fitted(Climber(), tmp_path)
    records = [record for record in caplog.records if record.name == artifacts.PROGRESS_LOGGER]
    assert [vars(record)["epoch"] for record in records] == [1, 2, 3, 4, 5]
    assert {vars(record)["epochs"] for record in records} == {10}
    assert vars(records[0])["metric"] == "val_distance 1.0000"
    assert records[2].getMessage() == "epoch 3 of 10: loss -3.0000, val_distance 1.0000"


def test_a_loss_that_is_no_number_fails_the_fit(tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match=r"loss became nan in epoch 3.*learning_rate"):
        fitted(Climber(nan_at=3), tmp_path)
    assert not (tmp_path / artifacts.FIT_FILE).exists()


def test_a_last_step_that_breaks_the_weights_fails_the_fit(tmp_path: Path) -> None:
    # The loss of a batch is taken before its step, so only validation sees what the last step did.
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, kernel_initializer="ones", input_shape=[1])])
    model.compile(tf.keras.optimizers.SGD(), "mse")
    data = tf.data.Dataset.from_tensors((tf.fill([2, 1], 10.0), tf.zeros([2, 1])))
    with pytest.raises(DivergedError, match=r"val_loss became (nan|inf) in epoch 1"):
        fit(
            model,
            data,
            data,
            FitHyperparameters(epochs=1, learning_rate=1e38),
            monitor="val_loss",
            mode="min",
            model_run_dir=str(tmp_path),
        )


def test_a_refit_runs_all_of_its_epochs() -> None:
    model = Climber()
    model.compile()
    metrics = refit(model, ONE_BATCH, FitHyperparameters(), epochs=4, monitor="loss")
    assert metrics["loss"] == [-1, -2, -3, -4]
    assert float(model.height) == 4


def test_a_refit_that_diverges_fails() -> None:
    model = Climber(nan_at=2)
    model.compile()
    with pytest.raises(DivergedError, match="loss became nan in epoch 2"):
        refit(model, ONE_BATCH, FitHyperparameters(), epochs=4, monitor="loss")


# Of 10 epochs with a highest rate of .8: half of it after 5 of them, nearly nothing in the last one.
COSINE = {"learning_rate": 0.8, "learning_rate_decay": "cosine"}
RATES = [0.8, 0.780423, 0.723607, 0.635114, 0.523607, 0.4, 0.276393, 0.164886, 0.076393, 0.019577]


def test_a_cosine_falls_along_half_a_period() -> None:
    settings = FitHyperparameters.model_validate({"epochs": 10, **COSINE})
    assert [learning_rate(settings, epoch) for epoch in range(10)] == pytest.approx(RATES, abs=1e-6)
    constant = settings.model_copy(update={"learning_rate_decay": "none"})
    assert [learning_rate(constant, epoch) for epoch in range(10)] == [0.8] * 10


def test_a_fit_takes_the_rate_of_each_epoch(tmp_path: Path) -> None:
    # Early stopping ends it after 5 of 10 epochs.
    rates = fitted(Climber(), tmp_path, settings=COSINE)["epochs"]["rate"]
    assert rates == pytest.approx(RATES[:5], abs=1e-6)


def test_a_refit_takes_the_rates_of_the_fit_before() -> None:
    # It ends where the fit was best, so its rates are not a whole half of a period.
    model = Climber()
    model.compile()
    settings = FitHyperparameters.model_validate({"epochs": 10, **COSINE})
    assert refit(model, ONE_BATCH, settings, epochs=3)["rate"] == pytest.approx(RATES[:3], abs=1e-6)


def test_without_decay_the_rate_stays(tmp_path: Path) -> None:
    rates = fitted(Climber(), tmp_path, settings={"learning_rate": 0.25})["epochs"]["rate"]
    assert rates == [0.25] * 5
