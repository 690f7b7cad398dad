"""The figures of an Evaluator's results, for the manifest."""

from typing import Any

# TFX comes before TFMA: imported after it, some of its components can be None.
import tfx.components  # noqa: F401

# isort: split
import tensorflow_model_analysis as tfma

# What TFMA calls a model that was evaluated alone.
_ALONE = ""


def overall_figures(evaluation_uri: str) -> dict[str, dict[str, float]]:
    """The metrics over all rows by model (`candidate`, `baseline`) and metric.

    Args:
        evaluation_uri: folder of an Evaluator's `evaluation` artifact.
    """
    figures: dict[str, dict[str, float]] = {}
    for found in tfma.load_metrics(evaluation_uri):
        if found.slice_key.single_slice_keys:
            continue
        for entry in found.metric_keys_and_values:
            if not entry.key.is_diff and entry.value.WhichOneof("type") == "double_value":
                model = entry.key.model_name
                name = tfma.CANDIDATE_KEY if model == _ALONE else model
                figures.setdefault(name, {})[entry.key.name] = entry.value.double_value.value
    return _sorted(figures)


def _sorted(tree: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _sorted(tree[name]) if isinstance(tree[name], dict) else tree[name] for name in sorted(tree)
    }
