"""Slices by cold user and cold movie, which the evaluated model returns: what the Evaluator runs of ours.

Whether the train split holds a rating of a row's user or movie is not in an Example but in the
candidate's tables. TFMA slices by features and transformed features, so the answer goes among the latter.
What passes here has been answered by the models, so this is also where progress is reported.
"""

import logging
from typing import Any, Final

# TFX comes before TFMA: imported after it, some of its components can be None.
import tfx.components  # noqa: F401

# isort: split
import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.constants import TRANSFORMED_FEATURES_KEY
from tensorflow_model_analysis.proto import config_pb2

from contracts import features, signatures
from contracts.artifacts import PROGRESS_LOGGER

_PROGRESS: Final = logging.getLogger(PROGRESS_LOGGER)

COLD: Final = (signatures.COLD_USER, signatures.COLD_MOVIE)


def custom_extractors(
    eval_shared_model: Any, eval_config: config_pb2.EvalConfig, tensor_adapter_config: Any
) -> list[Any]:
    """TFMA's own extractors, with one between the predictions and the slices; TFX finds it by its name."""
    extractors: list[Any] = tfma.default_extractors(
        eval_shared_model=eval_shared_model,
        eval_config=eval_config,
        tensor_adapter_config=tensor_adapter_config,
    )
    baselines = {spec.name for spec in eval_config.model_specs if spec.is_baseline}
    [candidate] = [spec.name for spec in eval_config.model_specs if spec.name not in baselines]
    several = len(eval_config.model_specs) > 1
    names = [extractor.stage_name for extractor in extractors]
    # Slices are read once batches are taken apart.
    place = names.index("ExtractUnbatchedInputs")
    extractors.insert(
        place,
        tfma.extractors.Extractor("ExtractColdSlices", _with_cold(candidate if several else None)),
    )
    return extractors


def _with_cold(candidate: str | None) -> Any:
    def extend(batch: dict[str, Any]) -> dict[str, Any]:
        rows = len(batch[tfma.FEATURES_KEY][features.USER_ID])
        _PROGRESS.debug("evaluated", extra={"counted": "rows evaluated", "count": rows})
        answers = batch[tfma.PREDICTIONS_KEY]
        outputs = answers if candidate is None else answers[candidate]
        # A column, because TFMA slices by arrays alone and takes batches apart by their first dimension.
        cold = {
            name: np.reshape(outputs[name], (-1, 1))
            for name in COLD
            if isinstance(outputs, dict) and name in outputs
        }
        if not cold:
            return batch
        return {**batch, TRANSFORMED_FEATURES_KEY: cold if candidate is None else {candidate: cold}}

    return beam.Map(extend)
