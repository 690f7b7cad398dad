"""The thresholds that an Evaluator held a model to."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts import metrics

_ROUNDING = 1e-5


@dataclass(frozen=True)
class Thresholds:
    """What a metric has to reach, over all evaluated rows unless noted.

    Attributes:
      at_least: lower bound, None if there is none.
      at_most: upper bound, None if there is none.
      beats_reference: whether the model has to be better than its reference.
      behind_served: how far the model may be behind the served version, None if that does not matter.
      behind_in_slices: how far it may be behind the reference and the served version for certain, in any
        slice with enough users; None if that does not matter.
      behind_retrieval_order: how far the final list may be behind the order of retrieval for certain, None if
        that does not matter.
    """

    at_least: float | None = None
    at_most: float | None = None
    beats_reference: bool = False
    behind_served: float | None = None
    behind_in_slices: float | None = None
    behind_retrieval_order: float | None = None

    def in_words(self, reference: str) -> str:
        """What the metric has to be over all rows.

        Args:
          reference: what the reference is called.
        """
        texts = [f"at least {self.at_least:g}"] if self.at_least is not None else []
        texts += [f"at most {self.at_most:g}"] if self.at_most is not None else []
        texts += [f"better than {reference}"] if self.beats_reference else []
        texts += (
            [f"at most {self.behind_served:g} behind what is served"]
            if self.behind_served is not None
            else []
        )
        if (behind := self.behind_retrieval_order) is not None:
            # A margin for rounding says nothing to a reader.
            far = f"more than {behind:g} " if behind > _ROUNDING else ""
            texts.append(f"not {far}behind the order of retrieval for certain")
        return ", ".join(texts) or "none"


def read_thresholds(evaluation_uri: str) -> dict[str, Thresholds]:
    """Reads the thresholds that an Evaluator held a model to, by metric.

    Args:
      evaluation_uri: folder of its `evaluation` artifact.
    """
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for spec in _metrics_specs(evaluation_uri):
        for name, of_slices in spec.get("perSliceThresholds", {}).items():
            # Ours are of the overall slice alone; see `pipeline.evaluation.eval_config`.
            threshold = of_slices["thresholds"][0]["threshold"]
            value = threshold.get("valueThreshold", {})
            if metric := derived_from(name, metrics.OVER_REFERENCE):
                found[metric]["beats_reference"] = True
            elif metric := derived_from(name, metrics.BEHIND_RETRIEVAL_ORDER):
                found[metric]["behind_retrieval_order"] = value["upperBound"]
            else:
                found[name]["at_least"] = value.get("lowerBound")
                found[name]["at_most"] = value.get("upperBound")
                if "changeThreshold" in threshold:
                    found[name]["behind_served"] = abs(threshold["changeThreshold"].get("absolute", 0.0))
        for name, threshold in spec.get("thresholds", {}).items():
            for pattern in (metrics.BEHIND_REFERENCE, metrics.BEHIND_SERVED):
                if metric := derived_from(name, pattern):
                    found[metric]["behind_in_slices"] = threshold["valueThreshold"]["upperBound"]
    return {name: Thresholds(**kept) for name, kept in found.items()}


def read_least_slice_users(evaluation_uri: str) -> int:
    """Reads how many users a slice needs before it can block a push.

    Args:
      evaluation_uri: folder of its `evaluation` artifact.
    """
    settings = [
        json.loads(metric.get("config") or "{}")
        for spec in _metrics_specs(evaluation_uri)
        for metric in spec.get("metrics", ())
    ]
    return max((int(found.get("min_slice_users", 0)) for found in settings), default=0)


def derived_from(name: str, pattern: str) -> str:
    """The metric from whose name the pattern makes this name, "" if it does not."""
    before, _, after = pattern.partition("{}")
    fits = name.startswith(before) and name.endswith(after)
    return name[len(before) : len(name) - len(after)] if fits else ""


def _metrics_specs(evaluation_uri: str) -> list[Mapping[str, Any]]:
    config = json.loads((Path(evaluation_uri) / "eval_config.json").read_text(encoding="utf-8"))
    specs: list[Mapping[str, Any]] = config["evalConfig"].get("metricsSpecs", [])
    return specs
