"""The rule that the final list must not be behind the order of retrieval for certain."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma

from contracts import metrics, signatures
from pipeline.config import EvaluationConfig
from pipeline.evaluation.eval_config import recommender_eval_config
from pipeline.evaluation.user_metrics import FinalListCombiner
from reports.reading.evaluation_results import read_metrics
from tests.unit.pipeline.tiny_evaluator import ByUser, lists, run

USERS = 100
HELD = (metrics.RECALL_AT[10], metrics.LIKED_RECALL, metrics.GRADED_NDCG)


def behind(won: int, lost: int, users: int = USERS) -> dict[str, float]:
    """How far a list is behind that finds a liked movie for so many users where retrieval's does not."""
    combiner = FinalListCombiner("candidate", None, min_slice_users=50, seed=1)
    rows = []
    for user in range(users):
        # 0 is nowhere in the list. Every third user is found either way.
        own, retrieval = (
            (1, 0) if user < won else (0, 1) if user >= users - lost else [int(user % 3 == 0)] * 2
        )
        slots = (own, retrieval, 0, 0)
        rows.append((f"{user:03}".encode(), b"movie", *slots, *slots, 5.0))
    measured = combiner.extract_output(rows)
    return {
        metric: measured[
            tfma.metrics.MetricKey(
                metrics.BEHIND_RETRIEVAL_ORDER.format(metric), model_name="candidate", example_weighted=None
            )
        ]
        for metric in HELD
    }


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (9, 2), (5, 6), (6, 12)])
def test_what_chance_explains_is_not_behind(won: int, lost: int) -> None:
    assert behind(won, lost) == dict.fromkeys(HELD, 0.0)


def test_what_chance_does_not_explain_is_behind() -> None:
    # The loss is 0.2, and its standard error sqrt((0.24 - 0.04) / 100) = 0.045.
    found = behind(2, 22)
    assert found[HELD[0]] == pytest.approx(0.2 - 1.96 * 0.045, abs=0.02)
    assert min(found.values()) > 0.05
    assert behind(2, 22, users=40) == dict.fromkeys(HELD, 0.0)


class FinalLists(ByUser):
    """The Evaluator's signature of a recommender: the list, and the same candidates in other orders."""

    def __init__(self, final: Mapping[str, list[str]], retrieval: Mapping[str, list[str]]) -> None:
        super().__init__("movie_id", final, retrieval)
        self._retrieval = tf.constant([retrieval[user] for user in final])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def evaluate(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        user_id = tf.io.parse_example(examples, {"user_id": tf.io.FixedLenFeature([], tf.string)})["user_id"]
        orders = (signatures.RETRIEVAL_ORDER_MOVIE_ID, signatures.RATING_ORDER_MOVIE_ID)
        found = tf.gather(self._retrieval, self._users[user_id])
        return {**super().evaluate(examples), **dict.fromkeys(orders, found)}


@pytest.mark.slow
def test_an_order_that_hurts_the_list_is_refused_with_the_reason(tmp_path: Path) -> None:
    users = [f"{user:03}" for user in range(USERS)]
    rows = [{"user_id": user, "movie_id": "a", "user_rating": 5.0} for user in users]
    found, missed = "a b", "b c d e f g h i j k l a"
    hurt = lists({user: missed if user < "030" else found for user in users})
    evaluation = EvaluationConfig(beat_reference=False, min_personalization_at_10=0, max_short_lists=1)
    model = FinalLists(hurt, lists(dict.fromkeys(users, found)))
    evaluated = run(tmp_path, rows, model, recommender_eval_config(evaluation))
    summary = read_metrics(evaluated.uri)
    reasons = summary.reasons
    assert not evaluated.blessed
    assert summary.overall.model[HELD[0]].value == pytest.approx(0.7)
    assert summary.overall.orders["order of retrieval"][HELD[0]].value == pytest.approx(1.0)
    assert summary.overall.over_orders["order of retrieval"][HELD[0]].value == pytest.approx(-0.3)
    for metric in HELD:
        assert any(
            reason.startswith(f"{metric} is at least 0.2") and "behind the order of retrieval" in reason
            for reason in reasons
        )
