"""TFMA metrics of ours: ranked movie ids against what a user rated, and rating errors, both by user.

A row reaches the combiner as its user and a few numbers (where its movie stands in the ranked list, or how
far the predicted rating is off). Users are put together with numpy where the metrics come out. TFMA's own
grouping, `MetricsSpec.query_key`, would copy every feature of every row, at several times the cost of all
the rest. And TFMA's confidence intervals would resample rows, as if the ratings of one user were
independent, from a seed that cannot be set; those of this file resample users, from the config's seed.
"""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

# TFX comes before TFMA: imported after it, some of its components can be None.
import tfx.components  # noqa: F401

# isort: split
import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from numpy.typing import NDArray

from pipeline.ranked_ids import Floats, Ints, retrieval_by_user, slot_of
from trainer_module import features

RETRIEVAL_METRICS = (*features.RECALL_AT.values(), *features.NDCG_AT.values(), features.MRR)
RATING_METRICS = (features.RMSE, features.MAE)

Row: TypeAlias = tuple[Any, ...]
Metrics: TypeAlias = dict[tfma.metrics.MetricKey, Any]


class RetrievalMetrics(tfma.metrics.Metric):
    """Means over users of recall and NDCG at several lengths of the list, and MRR; see `pipeline.ranked_ids`.

    The label of a row is a movie id, the prediction [depth] ranked movie ids, the same for all rows of a
    user; a movie that lies deeper is a miss. Also counts users and rows.

    Args:
        resamples: bootstrap resamples of the users behind the 95 % confidence intervals; 0 for none.
        seed: seeds the resampling.
        code_fingerprint: is not read. As a part of the EvalConfig it puts the code of this file into the
            Evaluator's cache key, so that changed metrics are computed anew.
        name: name of the group; each metric has its own.
    """

    def __init__(
        self,
        resamples: int = 0,
        seed: int = 42,
        code_fingerprint: str = "",
        name: str = "retrieval_metrics",
    ) -> None:
        super().__init__(
            _retrieval_computations,
            resamples=resamples,
            seed=seed,
            code_fingerprint=code_fingerprint,
            name=name,
        )


class RatingMetrics(tfma.metrics.Metric):
    """RMSE and MAE over rows, in stars; label and prediction are ratings. Also counts users and rows.

    Args:
        resamples: as in `RetrievalMetrics`.
        seed: as in `RetrievalMetrics`.
        code_fingerprint: as in `RetrievalMetrics`.
        name: as in `RetrievalMetrics`.
    """

    def __init__(
        self, resamples: int = 0, seed: int = 42, code_fingerprint: str = "", name: str = "rating_metrics"
    ) -> None:
        super().__init__(
            _rating_computations,
            resamples=resamples,
            seed=seed,
            code_fingerprint=code_fingerprint,
            name=name,
        )


# TFMA fills in `eval_config` and `model_names`; it finds them by name.


def _retrieval_computations(
    resamples: int,
    seed: int,
    code_fingerprint: str,
    name: str,
    eval_config: tfma.EvalConfig,
    model_names: list[str],
) -> list[tfma.metrics.MetricComputation]:
    combiner = _Retrieval(eval_config, model_names, resamples, seed)
    return [tfma.metrics.MetricComputation(combiner.keys(), [_RankedRow(model_names)], combiner)]


def _rating_computations(
    resamples: int,
    seed: int,
    code_fingerprint: str,
    name: str,
    eval_config: tfma.EvalConfig,
    model_names: list[str],
) -> list[tfma.metrics.MetricComputation]:
    combiner = _Rating(eval_config, model_names, resamples, seed)
    return [tfma.metrics.MetricComputation(combiner.keys(), [_RatedRow(model_names)], combiner)]


class _Row(tfma.metrics.Preprocessor):
    """Reduces a row to its user and to what the metrics need of it."""

    output: str

    def __init__(self, model_names: Sequence[str]) -> None:
        super().__init__(name=type(self).__name__)
        self._model_names = model_names

    def process(self, extracts: dict[str, Any]) -> Iterable[Row]:
        user_id = _only(extracts[tfma.FEATURES_KEY].get(features.USER_ID), features.USER_ID)
        labels, predictions = extracts[tfma.LABELS_KEY], extracts[tfma.PREDICTIONS_KEY]
        # TFMA keys both by model where there is more than one.
        several = len(self._model_names) > 1
        label = labels[self._model_names[0]] if several else labels
        by_model = [predictions[name] for name in self._model_names] if several else [predictions]
        answers = [np.ravel(self._own(each)) for each in by_model]
        yield (user_id, *self._measure(_only(self._own(label), "its label"), answers))

    def _own(self, values: Any) -> Any:
        """What belongs to the output that is measured, where there are several."""
        return values[self.output] if isinstance(values, dict) else values

    def _measure(self, label: Any, predictions: list[NDArray[Any]]) -> Row:
        raise NotImplementedError


class _RankedRow(_Row):
    """(user id, movie id, its slot by model, checksum of the ranked list by model)."""

    output = features.MOVIE_ID

    def _measure(self, label: Any, predictions: list[NDArray[Any]]) -> Row:
        lists = [prediction.tolist() for prediction in predictions]
        return (
            label,
            *(slot_of(label, ranked) for ranked in lists),
            *(zlib.crc32(b"\0".join(ranked)) for ranked in lists),
        )


class _RatedRow(_Row):
    """(user id, error in stars by model)."""

    output = features.USER_RATING

    def _measure(self, label: Any, predictions: list[NDArray[Any]]) -> Row:
        return tuple(_only(prediction, "its prediction") - label for prediction in predictions)


def _only(value: Any, name: str) -> Any:
    # As plain Python values: Beam pickles them between its stages, which takes far longer for numpy's.
    values = np.ravel(value).tolist() if value is not None else []
    if len(values) != 1 or values[0] == b"":
        raise ValueError(f"an evaluated row must hold one {name}, but holds {values}")
    return values[0]


class _ByUser(beam.CombineFn):
    """Collects the rows of a slice and measures them user by user in the end."""

    metrics: tuple[str, ...]

    def __init__(
        self, eval_config: tfma.EvalConfig, model_names: Sequence[str], resamples: int, seed: int
    ) -> None:
        self._model_names = list(model_names)
        self._baseline = next((spec.name for spec in eval_config.model_specs if spec.is_baseline), None)
        self._resamples = resamples
        self._seed = seed

    def keys(self) -> list[tfma.metrics.MetricKey]:
        """Keys of the metrics of every model, [models x metrics]."""
        # `MetricsSpec.per_slice_thresholds` looks for keys that leave `example_weighted` open.
        return [
            tfma.metrics.MetricKey(metric, model_name=model, example_weighted=None)
            for model in self._model_names
            for metric in (*self.metrics, features.USER_COUNT, features.EXAMPLE_COUNT)
        ]

    def create_accumulator(self) -> list[Row]:
        return []

    def add_input(self, rows: list[Row], row: Row) -> list[Row]:
        rows.append(row)
        return rows

    def merge_accumulators(self, accumulators: Iterable[list[Row]]) -> list[Row]:
        return [row for rows in accumulators for row in rows]

    # A model that predicts infinity measures as NaN, which clears no bar.
    @np.errstate(invalid="ignore")
    def extract_output(self, rows: list[Row]) -> Metrics:
        users, sums = self._sums_by_user(rows)
        values = self._finish(sums.sum(axis=1))
        # Efron and Tibshirani, An Introduction to the Bootstrap, 1993. One user alone tells no spread.
        generator = np.random.default_rng(self._seed)
        resampled = np.zeros((self._resamples if users > 1 else 0, *values.shape))
        for sample in range(len(resampled)):
            # The same draw for all models: the interval of a difference is that of pairs.
            drawn = np.bincount(generator.integers(users, size=users), minlength=users)
            resampled[sample] = self._finish(drawn @ sums)
        measured: Metrics = {}
        for key in self.keys():
            if key.name in self.metrics:
                at = self._model_names.index(key.model_name), self.metrics.index(key.name)
                measured[key] = _with_interval(values[at], resampled[:, at[0], at[1]])
                if self._baseline in self._model_names and key.model_name != self._baseline:
                    beside = self._model_names.index(self._baseline), at[1]
                    measured[key.make_diff_key()] = _with_interval(
                        values[at] - values[beside],
                        resampled[:, at[0], at[1]] - resampled[:, beside[0], beside[1]],
                    )
            else:
                measured[key] = float(users if key.name == features.USER_COUNT else len(rows))
        return measured

    def _sums_by_user(self, rows: list[Row]) -> tuple[int, Floats]:
        """Returns the number of users, and [models, users, sums] what `_finish` needs the totals of."""
        raise NotImplementedError

    def _finish(self, totals: Floats) -> Floats:
        """Turns totals [models, sums] into metrics [models, metrics]."""
        raise NotImplementedError


class _Retrieval(_ByUser):
    metrics = RETRIEVAL_METRICS

    def _sums_by_user(self, rows: list[Row]) -> tuple[int, Floats]:
        # Sorted, because Beam promises no order, on which sums of floats and the resamples depend. A set,
        # because a movie is relevant or not, however often it was rated.
        rows = sorted(set(rows))
        user_ids, user = _users(rows)
        numbers = np.array([row[2:] for row in rows], dtype=np.int64).T
        slots, lists = np.split(numbers, 2)
        first = np.searchsorted(user, np.arange(user_ids.size))
        for model, checksums in zip(self._model_names, lists, strict=True):
            differing = np.flatnonzero(checksums != checksums[first][user])
            if differing.size:
                raise ValueError(
                    f"model {model or tfma.CANDIDATE_KEY!r} ranked the movies differently for two rows of"
                    f" {features.USER_ID} {user_ids[user[differing[0]]].decode()!r}: {features.EVALUATE!r}"
                    f" and {features.EVALUATE_BASELINE!r} must rank by {features.USER_ID} alone"
                )
        ones = np.ones((user_ids.size, 1))
        measured = [retrieval_by_user(user, slot, features.LIST_LENGTHS) for slot in slots]
        return user_ids.size, np.stack([np.hstack([ones, by_user]) for by_user in measured])

    def _finish(self, totals: Floats) -> Floats:
        return np.asarray(totals[:, 1:] / totals[:, :1])


class _Rating(_ByUser):
    metrics = RATING_METRICS

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


def _users(rows: list[Row]) -> tuple[NDArray[np.bytes_], Ints]:
    """Returns the [users] ids in order, and for every row the number of its user, [rows]."""
    user_ids, user = np.unique(np.array([row[0] for row in rows]), return_inverse=True)
    return user_ids, user.reshape(-1)


def _with_interval(value: float, resampled: Floats) -> Any:
    if not resampled.size:
        return float(value)
    return tfma.types.ValueWithTDistribution(
        sample_mean=float(value),
        sample_standard_deviation=float(np.std(resampled, ddof=1)),
        sample_degrees_of_freedom=resampled.size - 1,
        unsampled_value=float(value),
    )
