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

from functools import partial

# TFX comes before TFMA: imported after it, some of its components can be None.
import tfx.components  # noqa: F401

# isort: split
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from pipeline.evaluation.list_metrics import ListCombiner
from pipeline.evaluation.rows import FinalRow, ListedRow, RankedRow, RatedRow, RowOfUser
from pipeline.evaluation.user_metrics import (
    FinalListCombiner,
    RatingCombiner,
    RetrievalCombiner,
    UserCombiner,
)


class UserMetrics(tfma.metrics.Metric):
    """A group of metrics by user, with 95 % intervals from resampled users; each has a name of its own.

    Args:
      min_slice_users: in a slice of fewer users nothing is behind.
      seed: seeds the resampling.
      code_fingerprint: is not read. As a part of the EvalConfig it puts the code of this file into the
        Evaluator's cache key, so that changed metrics are computed anew.
      name: of the group; that of the class if empty.

    Attributes:
      combiner: what measures the rows.
      row: what it reads of a row.
      of_lists: whether the lists are measured by themselves too; see `pipeline.evaluation.list_metrics`.
    """

    combiner: type[UserCombiner]
    row: type[RowOfUser]
    of_lists: bool

    def __init__(
        self, min_slice_users: int = 2, seed: int = 42, code_fingerprint: str = "", name: str = ""
    ) -> None:
        super().__init__(
            partial(_computations, type(self)),
            min_slice_users=min_slice_users,
            seed=seed,
            code_fingerprint=code_fingerprint,
            name=name,
        )

    def _default_name(self) -> str:
        return type(self).__name__


class RetrievalMetrics(UserMetrics):
    """Means over users of recall and NDCG at several lengths of the list, and MRR; see `ranked_ids`.

    The label of a row is a movie id, the prediction [depth] ranked movie ids, the same for all rows of a
    user; a movie that lies deeper is a miss. Also counts users and rows.
    """

    combiner, row, of_lists = RetrievalCombiner, RankedRow, True


class FinalListMetrics(UserMetrics):
    """What `RetrievalMetrics` measures, of the final list, and how its movies were liked.

    Beside the list stand the order of retrieval, the order by predicted rating, and popularity.
    """

    combiner, row, of_lists = FinalListCombiner, FinalRow, True


class RatingMetrics(UserMetrics):
    """RMSE and MAE over rows, in stars; label and prediction are ratings. Also counts users and rows."""

    combiner, row, of_lists = RatingCombiner, RatedRow, False


def _computations(
    group: type[UserMetrics],
    min_slice_users: int,
    seed: int,
    code_fingerprint: str,
    name: str,
    # TFMA fills in these two; it finds them by name.
    eval_config: config_pb2.EvalConfig,
    model_names: list[str],
) -> list[tfma.metrics.MetricComputation]:
    del code_fingerprint, name
    models = _candidate_first(eval_config, model_names)
    names = [model for model in models if model is not None]
    by_user = group.combiner(*models, min_slice_users, seed)
    found = [tfma.metrics.MetricComputation(by_user.keys(), [group.row(names)], by_user)]
    if group.of_lists:
        by_list = ListCombiner(*models)
        found.append(tfma.metrics.MetricComputation(by_list.keys(), [ListedRow(names)], by_list))
    return found


def _candidate_first(eval_config: config_pb2.EvalConfig, model_names: list[str]) -> tuple[str, str | None]:
    """The names of the candidate and of the baseline, None if there is none."""
    baselines = {spec.name for spec in eval_config.model_specs if spec.is_baseline}
    [candidate] = [name for name in model_names if name not in baselines]
    return candidate, next((name for name in model_names if name in baselines), None)
