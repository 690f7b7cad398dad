"""Metrics with a label, user by user: values, differences, intervals, and how far behind for certain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

# TFX comes before TFMA: imported after it, some of its components can be None.
import tfx.components  # noqa: F401

# isort: split
import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from numpy.typing import NDArray

from contracts import features, signatures
from contracts import metrics as metric_names
from pipeline.evaluation.ranked_ids import GRADED_SUMS, Floats, Ints, graded_by_user, retrieval_by_user
from pipeline.evaluation.rows import Row

RETRIEVAL_METRICS: Final = (
    *metric_names.RECALL_AT.values(),
    *metric_names.NDCG_AT.values(),
    metric_names.MRR,
)
RATING_METRICS: Final = (metric_names.RMSE, metric_names.MAE)

# Enough for the width of a 95 % interval to vary by a twentieth; more cost time and add little.
RESAMPLES: Final = 200
# Half a two-sided 95 % interval of a normal distribution, in standard deviations.
_CERTAIN: Final = 1.96

Metrics: TypeAlias = dict[tfma.metrics.MetricKey, Any]


class UserCombiner(beam.CombineFn):
    """Collects the rows of a slice and measures them user by user in the end.

    Of every model it gives out the metrics of the class and the counts of users and rows; of the candidate
    also those of its reference, the difference to it and, for the main metric, how far it is behind.

    Args:
      candidate: name of the model that is judged.
      baseline: name of the model that it is compared with, None if there is none.
      min_slice_users: where there are fewer users, nothing is behind.
      seed: seeds the resampling.
    """

    metrics: tuple[str, ...]
    main: str
    higher_is_better: bool
    # What else the candidate's signature answers as, the reference last: patterns of the names of its metrics
    # and of the difference to them.
    others: tuple[tuple[str, str], ...] = ((metric_names.OF_REFERENCE, metric_names.OVER_REFERENCE),)
    # What else the candidate must not be behind of than its reference and the served version by the main
    # metric: pattern of the metrics' names, place among the sources, metrics.
    also_behind: tuple[tuple[str, int, tuple[str, ...]], ...] = ()

    def __init__(self, candidate: str, baseline: str | None, min_slice_users: int, seed: int) -> None:
        self._candidate = candidate
        self._baseline = baseline
        self._models = [candidate] if baseline is None else [candidate, baseline]
        self._min_slice_users = min_slice_users
        self._seed = seed

    def keys(self) -> list[tfma.metrics.MetricKey]:
        """Keys of everything but the difference to the baseline, which TFMA derives the keys of itself."""
        counted = (*self.metrics, metric_names.USER_COUNT, metric_names.EXAMPLE_COUNT)
        found = [_key(name, model) for model in self._models for name in counted]
        found += [
            _key(pattern.format(metric), self._candidate)
            for patterns in self.others
            for pattern in patterns
            for metric in self.metrics
        ]
        found += [
            _key(pattern.format(metric), self._candidate)
            for pattern, _, names in self._behind_whom()
            for metric in names
        ]
        return found

    def _behind_whom(self) -> tuple[tuple[str, int, tuple[str, ...]], ...]:
        return (
            (metric_names.BEHIND_REFERENCE, -1, (self.main,)),
            (metric_names.BEHIND_SERVED, 1, (self.main,)),
            *self.also_behind,
        )

    def create_accumulator(self) -> list[Row]:
        """See `beam.CombineFn`."""
        return []

    def add_input(self, rows: list[Row], row: Row) -> list[Row]:
        """See `beam.CombineFn`."""
        rows.append(row)
        return rows

    def merge_accumulators(self, accumulators: Iterable[list[Row]]) -> list[Row]:
        """See `beam.CombineFn`."""
        return [row for rows in accumulators for row in rows]

    # A model that predicts infinity measures as NaN, which clears no threshold.
    @np.errstate(invalid="ignore")
    def extract_output(self, rows: list[Row]) -> Metrics:
        """Returns a value for each of `keys`, and the difference to the baseline where there is one."""
        users, sums = self._sums_by_user(rows)
        values = self._finish(sums.sum(axis=1))
        # Efron and Tibshirani, An Introduction to the Bootstrap, 1993. One user alone does not have a spread.
        generator = np.random.default_rng(self._seed)
        resampled = np.zeros((RESAMPLES if users > 1 else 0, *values.shape))
        for sample in range(len(resampled)):
            # The same draw for all sources: the interval of a difference is that of pairs.
            drawn = np.bincount(generator.integers(users, size=users), minlength=users)
            resampled[sample] = self._finish(drawn @ sums)
        measured: Metrics = {}
        for source, model in enumerate(self._models):
            for at, metric in enumerate(self.metrics):
                measured[_key(metric, model)] = self._interval(values[source, at], resampled[:, source, at])
            measured[_key(metric_names.USER_COUNT, model)] = float(users)
            measured[_key(metric_names.EXAMPLE_COUNT, model)] = float(len(rows))
        for at, metric in enumerate(self.metrics):
            for number, (of_other, over_other) in enumerate(self.others):
                source = number - len(self.others)
                key = _key(of_other.format(metric), self._candidate)
                measured[key] = self._interval(values[source, at], resampled[:, source, at])
                key = _key(over_other.format(metric), self._candidate)
                measured[key] = self._interval(*_difference(values, resampled, source, at))
            if self._baseline is not None:
                key = _key(metric, self._candidate).make_diff_key()
                measured[key] = self._interval(*_difference(values, resampled, 1, at))
        enough = users >= self._min_slice_users
        for pattern, beside, names in self._behind_whom():
            known = enough and (beside != 1 or self._baseline is not None)
            for metric in names:
                key = _key(pattern.format(metric), self._candidate)
                measured[key] = self._behind(values, resampled, beside, metric) if known else 0.0
        return measured

    def _behind(self, values: Floats, resampled: Floats, beside: int, metric: str) -> float:
        """The lower end of the 95 % interval of how far the candidate is behind by a metric."""
        value, spread = _difference(values, resampled, beside, self.metrics.index(metric))
        behind = -value if self.higher_is_better else value
        # NaN stays NaN, which clears no threshold.
        return float(np.maximum(0.0, behind - _CERTAIN * (np.std(spread, ddof=1) if spread.size else 0.0)))

    def _interval(self, value: float, resampled: Floats) -> Any:
        if not resampled.size:
            return float(value)
        return tfma.types.ValueWithTDistribution(
            sample_mean=float(value),
            sample_standard_deviation=float(np.std(resampled, ddof=1)),
            sample_degrees_of_freedom=resampled.size - 1,
            unsampled_value=float(value),
        )

    def _sums_by_user(self, rows: list[Row]) -> tuple[int, Floats]:
        """Returns the number of users, and [sources, users, sums] what `_finish` needs the totals of.

        Sources are the candidate, the baseline if there is one, and the candidate's reference.
        """
        raise NotImplementedError

    def _finish(self, totals: Floats) -> Floats:
        """Turns totals [sources, sums] into metrics [sources, metrics]."""
        raise NotImplementedError


class RetrievalCombiner(UserCombiner):
    """Means over users of recall, NDCG and reciprocal rank; of `pipeline.evaluation.rows.RankedRow`."""

    metrics = RETRIEVAL_METRICS
    main = metric_names.RECALL_AT[10]
    higher_is_better = True

    def _sums_by_user(self, rows: list[Row]) -> tuple[int, Floats]:
        # A set, because a movie is relevant or not, however often it was rated.
        user_ids, user, slots = self._ranked(set(rows))
        ones = np.ones((user_ids.size, 1))
        measured = [retrieval_by_user(user, slot, metric_names.LIST_LENGTHS) for slot in slots]
        return user_ids.size, np.stack([np.hstack([ones, by_user]) for by_user in measured])

    def _ranked(self, rows: Iterable[Row]) -> tuple[NDArray[np.bytes_], Ints, Ints]:
        """The users, the user of each row and, by source, the slot of each row's movie."""
        # Sorted, because Beam promises no order, on which sums of floats and the resamples depend.
        rows = sorted(rows)
        user_ids, user = _users(rows)
        numbers = np.array([row[2:] for row in rows], dtype=np.int64).T
        slots, lists = np.split(numbers, 2)
        first = np.searchsorted(user, np.arange(user_ids.size))
        for source, checksums in zip([*self._models, *self.others], lists, strict=True):
            differing = np.flatnonzero(checksums != checksums[first][user])
            if differing.size:
                raise ValueError(
                    f"model {source or tfma.CANDIDATE_KEY!r} ranked the movies differently for two rows of"
                    f" {features.USER_ID} {user_ids[user[differing[0]]].decode()!r}: {signatures.EVALUATE!r}"
                    f" must rank by {features.USER_ID} alone"
                )
        return user_ids, user, slots

    def _finish(self, totals: Floats) -> Floats:
        return np.asarray(totals[:, 1:] / totals[:, :1])


class FinalListCombiner(RetrievalCombiner):
    """Metrics of the final list, beside the orders it could have; of `pipeline.evaluation.rows.FinalRow`."""

    metrics = (
        *RETRIEVAL_METRICS,
        metric_names.LIKED_RECALL,
        metric_names.GRADED_NDCG,
        metric_names.DISLIKED_HITS,
    )
    others = (
        (metric_names.OF_RETRIEVAL_ORDER, metric_names.OVER_RETRIEVAL_ORDER),
        (metric_names.OF_RATING_ORDER, metric_names.OVER_RATING_ORDER),
        *RetrievalCombiner.others,
    )
    also_behind = (
        (
            metric_names.BEHIND_RETRIEVAL_ORDER,
            -len(others),
            (metric_names.RECALL_AT[10], metric_names.LIKED_RECALL, metric_names.GRADED_NDCG),
        ),
    )

    def _sums_by_user(self, rows: list[Row]) -> tuple[int, Floats]:
        users, plain = super()._sums_by_user([row[:-1] for row in rows])
        # Of several ratings of a movie by one user the highest counts.
        stars = {row[:-1]: row[-1] for row in sorted(rows)}
        _, user, slots = self._ranked(stars)
        given = np.array([stars[row] for row in sorted(stars)])
        graded = [graded_by_user(user, slot, given) for slot in slots]
        return users, np.concatenate([plain, np.stack(graded)], axis=2)

    def _finish(self, totals: Floats) -> Floats:
        plain, graded = np.split(totals, [totals.shape[1] - GRADED_SUMS], axis=1)
        with_liked, liked, gained, ideal, hits, disliked = graded.T
        with np.errstate(divide="ignore", invalid="ignore"):
            # Where nobody liked a movie or nothing was found, there is nothing to divide by.
            ratios = [
                np.where(below > 0, above / below, 0.0)
                for above, below in ((liked, with_liked), (gained, ideal), (disliked, hits))
            ]
        return np.hstack([super()._finish(plain), np.stack(ratios, axis=1)])


class RatingCombiner(UserCombiner):
    """RMSE and MAE over rows; of `pipeline.evaluation.rows.RatedRow`."""

    metrics = RATING_METRICS
    main = metric_names.RMSE
    higher_is_better = False

    def _sums_by_user(self, rows: list[Row]) -> tuple[int, Floats]:
        rows = sorted(rows)
        user_ids, user = _users(rows)
        errors = np.array([row[1:] for row in rows], dtype=np.float64).T
        return user_ids.size, np.stack(
            [
                np.stack(
                    [np.bincount(user, weights) for weights in (np.ones_like(e), e**2, np.abs(e))], axis=1
                )
                for e in errors
            ]
        )

    def _finish(self, totals: Floats) -> Floats:
        rows, squares, absolutes = totals.T
        return np.stack([np.sqrt(squares / rows), absolutes / rows], axis=1)


def _key(name: str, model: str) -> tfma.metrics.MetricKey:
    # `MetricsSpec.per_slice_thresholds` looks for keys that leave `example_weighted` open.
    return tfma.metrics.MetricKey(name, model_name=model, example_weighted=None)


def _difference(values: Floats, resampled: Floats, beside: int, at: int) -> tuple[float, Floats]:
    """The candidate minus another source, in all and in each draw."""
    return (
        float(values[0, at] - values[beside, at]),
        np.asarray(resampled[:, 0, at] - resampled[:, beside, at]),
    )


def _users(rows: list[Row]) -> tuple[NDArray[np.bytes_], Ints]:
    """Returns the [users] ids in order, and for every row the number of its user, [rows]."""
    user_ids, user = np.unique(np.array([row[0] for row in rows]), return_inverse=True)
    return user_ids, user.reshape(-1)
