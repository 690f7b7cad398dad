"""TFMA metrics of ours: ranked movie ids against what a user rated, and rating errors, both by user.

A row reaches a combiner as its user and a few numbers (where its movie stands in the ranked list, or how far
the predicted rating is off). Users are put together with numpy where the metrics come out. TFMA's own
grouping, `MetricsSpec.query_key`, would copy every feature of every row, at several times the cost of all
the rest. And TFMA's confidence intervals would resample rows, as if the ratings of one user were
independent, from a seed that cannot be set; ours resample users, from the config's seed.

Every evaluated signature answers twice: as the model and as its reference (popularity, or damped biases). So
"better than the reference" is a metric of one model, `recall@10_over_reference`, without a second model.
How far the candidate is behind the reference, or the version that is served, is a metric too. It is the
lower end of a 95 % interval of the loss from paired users: a slice of few users has to lose a lot before it
counts, which one threshold for the slices of all sizes can rely on.
"""

# TFX comes before TFMA: imported after it, some of its components can be None.
import tfx.components  # noqa: F401

# isort: split
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from pipeline.evaluation.list_metrics import ListCombiner
from pipeline.evaluation.rows import FinalRow, ListedRow, RankedRow, RatedRow
from pipeline.evaluation.user_metrics import FinalListCombiner, RatingCombiner, RetrievalCombiner


class RetrievalMetrics(tfma.metrics.Metric):
    """Means over users of recall and NDCG at several lengths of the list, and MRR; see `ranked_ids`.

    The label of a row is a movie id, the prediction [depth] ranked movie ids, the same for all rows of a
    user; a movie that lies deeper is a miss. Also counts users and rows, and measures the lists by
    themselves; see `pipeline.evaluation.list_metrics`.

    Args:
      intervals: give metrics 95 % intervals, from resampled users.
      min_slice_users: in a slice of fewer users nothing is behind.
      seed: seeds the resampling.
      code_fingerprint: is not read. As a part of the EvalConfig it puts the code of this file into the
        Evaluator's cache key, so that changed metrics are computed anew.
      name: name of the group; each metric has its own.
    """

    def __init__(
        self,
        intervals: bool = True,
        min_slice_users: int = 2,
        seed: int = 42,
        code_fingerprint: str = "",
        name: str = "retrieval_metrics",
    ) -> None:
        super().__init__(
            _retrieval_computations,
            intervals=intervals,
            min_slice_users=min_slice_users,
            seed=seed,
            code_fingerprint=code_fingerprint,
            name=name,
        )


class FinalListMetrics(tfma.metrics.Metric):
    """What `RetrievalMetrics` measures, of the final list, and how its movies were liked.

    Beside the list stand the order of retrieval, the order by predicted rating, and popularity.

    Args:
      intervals: as in `RetrievalMetrics`.
      min_slice_users: as in `RetrievalMetrics`.
      seed: as in `RetrievalMetrics`.
      code_fingerprint: as in `RetrievalMetrics`.
      name: as in `RetrievalMetrics`.
    """

    def __init__(
        self,
        intervals: bool = True,
        min_slice_users: int = 2,
        seed: int = 42,
        code_fingerprint: str = "",
        name: str = "final_list_metrics",
    ) -> None:
        super().__init__(
            _final_list_computations,
            intervals=intervals,
            min_slice_users=min_slice_users,
            seed=seed,
            code_fingerprint=code_fingerprint,
            name=name,
        )


class RatingMetrics(tfma.metrics.Metric):
    """RMSE and MAE over rows, in stars; label and prediction are ratings. Also counts users and rows.

    Args:
      intervals: as in `RetrievalMetrics`.
      min_slice_users: as in `RetrievalMetrics`.
      seed: as in `RetrievalMetrics`.
      code_fingerprint: as in `RetrievalMetrics`.
      name: as in `RetrievalMetrics`.
    """

    def __init__(
        self,
        intervals: bool = True,
        min_slice_users: int = 2,
        seed: int = 42,
        code_fingerprint: str = "",
        name: str = "rating_metrics",
    ) -> None:
        super().__init__(
            _rating_computations,
            intervals=intervals,
            min_slice_users=min_slice_users,
            seed=seed,
            code_fingerprint=code_fingerprint,
            name=name,
        )


# TFMA fills in `eval_config` and `model_names`; it finds them by name.


def _retrieval_computations(
    intervals: bool,
    min_slice_users: int,
    seed: int,
    code_fingerprint: str,
    name: str,
    eval_config: config_pb2.EvalConfig,
    model_names: list[str],
) -> list[tfma.metrics.MetricComputation]:
    models = _candidate_first(eval_config, model_names)
    by_user = RetrievalCombiner(*models, intervals, min_slice_users, seed)
    by_list = ListCombiner(*models)
    names = [model for model in models if model is not None]
    return [
        tfma.metrics.MetricComputation(by_user.keys(), [RankedRow(names)], by_user),
        tfma.metrics.MetricComputation(by_list.keys(), [ListedRow(names)], by_list),
    ]


def _final_list_computations(
    intervals: bool,
    min_slice_users: int,
    seed: int,
    code_fingerprint: str,
    name: str,
    eval_config: config_pb2.EvalConfig,
    model_names: list[str],
) -> list[tfma.metrics.MetricComputation]:
    models = _candidate_first(eval_config, model_names)
    by_user = FinalListCombiner(*models, intervals, min_slice_users, seed)
    by_list = ListCombiner(*models)
    names = [model for model in models if model is not None]
    return [
        tfma.metrics.MetricComputation(by_user.keys(), [FinalRow(names)], by_user),
        tfma.metrics.MetricComputation(by_list.keys(), [ListedRow(names)], by_list),
    ]


def _rating_computations(
    intervals: bool,
    min_slice_users: int,
    seed: int,
    code_fingerprint: str,
    name: str,
    eval_config: config_pb2.EvalConfig,
    model_names: list[str],
) -> list[tfma.metrics.MetricComputation]:
    models = _candidate_first(eval_config, model_names)
    combiner = RatingCombiner(*models, intervals, min_slice_users, seed)
    names = [model for model in models if model is not None]
    return [tfma.metrics.MetricComputation(combiner.keys(), [RatedRow(names)], combiner)]


def _candidate_first(eval_config: config_pb2.EvalConfig, model_names: list[str]) -> tuple[str, str | None]:
    """The names of the candidate and of the baseline, None if there is none."""
    baselines = {spec.name for spec in eval_config.model_specs if spec.is_baseline}
    [candidate] = [name for name in model_names if name not in baselines]
    return candidate, next((name for name in model_names if name in baselines), None)
