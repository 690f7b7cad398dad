"""The fit that every model shares: progress, checkpoints, TensorBoard, early stopping, divergence."""

import json
import logging
import math
import os
import time
from typing import Any, Final, Literal

import tensorflow as tf

from contracts import artifacts
from trainer_module.common.hyperparameters import FitHyperparameters
from trainer_module.common.inputs import no_autograph

# Whoever shows progress listens to this logger.
progress = logging.getLogger(artifacts.PROGRESS_LOGGER)


class DivergedError(RuntimeError):
    """The loss or the monitored metric became NaN or infinite."""


class _LearningRate(tf.keras.callbacks.Callback):
    """Sets the learning rate of each epoch."""

    def __init__(self, hyperparameters: FitHyperparameters) -> None:
        super().__init__()
        self._hyperparameters = hyperparameters

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.model.optimizer.learning_rate.assign(learning_rate(self._hyperparameters, epoch))


def learning_rate(hyperparameters: FitHyperparameters, epoch: int) -> float:
    """The rate of an epoch, from 0; `cosine` is equation 5 of Loshchilov and Hutter 2017, no restarts."""
    highest = hyperparameters.learning_rate
    if hyperparameters.learning_rate_decay == "none":
        return highest
    return highest * (1 + math.cos(math.pi * epoch / hyperparameters.epochs)) / 2


# Between reports within an epoch, so that they cost nothing.
_SECONDS_BETWEEN: Final = 1.0


class _Progress(tf.keras.callbacks.Callback):
    """Reports batches and epochs, and stops a fit whose loss is no longer a number."""

    def __init__(self, epochs: int, monitor: str | None) -> None:
        super().__init__()
        self._epochs = epochs
        self._monitor = monitor
        self._epoch = 0
        self._reported = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if time.monotonic() - self._reported < _SECONDS_BETWEEN:
            return
        self._reported = time.monotonic()
        # Keras counts the batches in the first epoch.
        place = {"batch": batch + 1, "batches": self.params.get("steps") or 0}
        progress.debug("batch", extra={"epoch": self._epoch + 1, "epochs": self._epochs, **place})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        loss = logs.get("loss", math.nan)
        # The loss is taken before each step, so what the last one broke shows in the monitored metric alone.
        checked = {"loss": loss}
        if self._monitor is not None:
            checked[self._monitor] = logs.get(self._monitor, math.nan)
        for name, value in checked.items():
            if not math.isfinite(value):
                raise DivergedError(
                    f"the {name} became {value} in epoch {epoch + 1}; a lower learning_rate usually helps"
                )
        metric = f"{self._monitor} {checked[self._monitor]:.4f}" if self._monitor else "whole train split"
        progress.info(
            "epoch %d of %d: loss %.4f, %s",
            epoch + 1,
            self._epochs,
            loss,
            metric,
            extra={"epoch": epoch + 1, "epochs": self._epochs, "metric": metric},
        )


def fit(
    model: tf.keras.Model,
    train: tf.data.Dataset,
    validation: tf.data.Dataset,
    hyperparameters: FitHyperparameters,
    *,
    monitor: str,
    mode: Literal["min", "max"],
    model_run_dir: str,
) -> dict[str, Any]:
    """Fits a compiled model and puts back the weights of its best epoch.

    Args:
      model: a compiled model.
      train: one epoch of training batches.
      validation: batches cut from the train split.
      hyperparameters: epochs and patience.
      monitor: the validation metric that decides, such as `val_recall_at_10`.
      mode: whether the metric should fall or rise.
      model_run_dir: where checkpoints, TensorBoard logs and `fit.json` go.

    Returns:
      What `fit.json` holds: every epoch's metrics, the best epoch and the seconds.

    Raises:
      DivergedError: if the loss or the monitored metric becomes NaN or infinite.
    """
    model.train_step = no_autograph(model.train_step)
    model.test_step = no_autograph(model.test_step)
    checkpoint = os.path.join(model_run_dir, "checkpoints", "best")
    started = time.monotonic()
    history = model.fit(
        train,
        validation_data=validation,
        epochs=hyperparameters.epochs,
        verbose=0,
        callbacks=[
            _LearningRate(hyperparameters),
            _Progress(hyperparameters.epochs, monitor),
            tf.keras.callbacks.EarlyStopping(
                monitor, mode=mode, patience=hyperparameters.patience, restore_best_weights=False
            ),
            tf.keras.callbacks.ModelCheckpoint(
                checkpoint, monitor=monitor, mode=mode, save_best_only=True, save_weights_only=True
            ),
            tf.keras.callbacks.TensorBoard(
                os.path.join(model_run_dir, "tensorboard"), write_graph=False, profile_batch=0
            ),
        ],
    ).history
    model.load_weights(checkpoint).expect_partial()
    metrics = history[monitor]
    best = metrics.index(min(metrics) if mode == "min" else max(metrics))
    record = {
        "monitor": monitor,
        "best_epoch": best + 1,
        "best": metrics[best],
        "seconds": round(time.monotonic() - started, 1),
        "hyperparameters": hyperparameters.model_dump(),
        "epochs": {name: [float(value) for value in values] for name, values in history.items()},
    }
    with tf.io.gfile.GFile(os.path.join(model_run_dir, artifacts.FIT_FILE), "w") as file:
        file.write(json.dumps(record, indent=2))
    return record


def refit(
    model: tf.keras.Model,
    train: tf.data.Dataset,
    hyperparameters: FitHyperparameters,
    *,
    epochs: int,
    monitor: str | None = None,
) -> dict[str, list[float]]:
    """Fits a compiled model for a number of epochs that an earlier fit found best.

    Args:
      model: a compiled model, not trained yet.
      train: one epoch of batches of the whole train split.
      hyperparameters: of the earlier fit.
      epochs: how many.
      monitor: a training metric to report, such as `rmse`; None for the loss alone.

    Returns:
      Every epoch's metrics.

    Raises:
      DivergedError: if the loss or the metric becomes NaN or infinite.
    """
    model.train_step = no_autograph(model.train_step)
    callbacks = [_LearningRate(hyperparameters), _Progress(epochs, monitor)]
    history = model.fit(train, epochs=epochs, verbose=0, callbacks=callbacks).history
    return {name: [float(value) for value in values] for name, values in history.items()}
