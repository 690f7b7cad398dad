"""Metrics of recommended lists without labels: coverage, likeness, popularity, empty slots.

They are taken over users, one list each, so what is collected grows with the users and not with their rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

# TFX comes before TFMA: imported after it, some of its components can be None.
import tfx.components  # noqa: F401

# isort: split
import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from contracts import metrics
from pipeline.evaluation.ranked_ids import FIRST, Shown
from pipeline.evaluation.rows import Row

ByUser: TypeAlias = dict[Any, Row]


class ListCombiner(beam.CombineFn):
    """Puts together what `pipeline.evaluation.rows.ListedRow` yields.

    Args:
      candidate: name of the model that is judged.
      baseline: name of the model that it is compared with, None if there is none.
    """

    def __init__(self, candidate: str, baseline: str | None) -> None:
        self._models = [candidate] if baseline is None else [candidate, baseline]

    def keys(self) -> list[tfma.metrics.MetricKey]:
        """Keys of every metric of the models, then of the candidate's reference."""
        # `MetricsSpec.per_slice_thresholds` looks for keys that leave `example_weighted` open.
        return [
            tfma.metrics.MetricKey(pattern.format(metric), model_name=model, example_weighted=None)
            for model, pattern in self._sources()
            for metric in metrics.LIST_METRICS
        ]

    def _sources(self) -> list[tuple[str, str]]:
        return [*((model, "{}") for model in self._models), (self._models[0], metrics.OF_REFERENCE)]

    def create_accumulator(self) -> ByUser:
        """See `beam.CombineFn`."""
        return {}

    def add_input(self, found: ByUser, row: Row) -> ByUser:
        """See `beam.CombineFn`; the list of a user is the same in all rows."""
        found[row[0]] = row[1:]
        return found

    def merge_accumulators(self, accumulators: Iterable[ByUser]) -> ByUser:
        """See `beam.CombineFn`."""
        merged: ByUser = {}
        for found in accumulators:
            merged.update(found)
        return merged

    def extract_output(self, found: ByUser) -> dict[tfma.metrics.MetricKey, float]:
        """Returns a value for each of `keys`."""
        # Sums of floats depend on their order, of which Beam promises none.
        rows = [found[user] for user in sorted(found)]
        values = [
            value
            for source in range(1, 1 + len(self._sources()))
            for value in spread([row[source] for row in rows], rows[0][0])
        ]
        return dict(zip(self.keys(), values, strict=True))


def spread(lists: Sequence[Shown], catalogue_size: int) -> tuple[float, float, float, float]:
    """Measures what users are shown in their first ten slots.

    With U users and c(m) the number of lists that hold movie m:

    * coverage: share of the catalogue that is in at least one list;
    * personalization: 1 - sum_m c(m) (c(m) - 1) / (10 U (U - 1)), the mean share of a list that another
      user's list does not hold; 0 where all get the same movies. The mean inter-list distance of Zhou et al.,
      Solving the apparent diversity-accuracy dilemma of recommender systems, PNAS 2010;
    * log-popularity: mean of log(1 + training ratings) of the movies shown, the popularity bias;
    * short lists: share of the users with fewer than ten movies; empty slots and repeated ids are none.

    Args:
      lists: one a user, at least one.
      catalogue_size: movies that there are.

    Returns:
      The four in the order of `features.LIST_METRICS`. Log-popularity is NaN where it is not known, or
      nothing is shown.
    """
    times = Counter(movie for movies, _ in lists for movie in movies)
    length = min(FIRST, catalogue_size)
    pairs = length * len(lists) * (len(lists) - 1)
    shared = sum(count * (count - 1) for count in times.values())
    filled = sum(len(movies) for movies, _ in lists)
    logs = sum(logs for _, logs in lists)
    return (
        len(times) / catalogue_size,
        1 - shared / pairs if pairs else 1.0,
        logs / filled if filled else float("nan"),
        float(np.mean([len(movies) < length for movies, _ in lists])),
    )
