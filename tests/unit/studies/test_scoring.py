"""The evaluator, with metrics worked out by hand."""

import math

import numpy as np
import pytest

from contracts.metrics import MAE, MRR, NDCG_AT, RECALL_AT, RMSE
from studies.data.split_data import SplitData
from studies.scoring import rating_metrics, retrieval_metrics
from studies.tasks import NEW_USERS_NDCG
from tests.unit.studies.worlds import ids, ratings


def test_means_are_over_users_and_lists_go_by_user_position() -> None:
    # User 2 rated the movies 0 and 1, user 0 movie 2; user 1 is not evaluated.
    evaluation = ratings([(2, 1, 1.0, 0), (0, 2, 5.0, 0), (2, 0, 5.0, 0)])
    data = SplitData(ids("u", 3), ids("m", 4), ratings([]), evaluation)

    metrics = retrieval_metrics(data, [[b"m003", b"m002"], [b"m001", b"m003", b""]])

    # User 0 finds the one movie at 2, user 2 one of two at 1.
    assert metrics[RECALL_AT[10]] == pytest.approx((1 + 1 / 2) / 2)
    assert metrics[NEW_USERS_NDCG] == metrics[NDCG_AT[10]]  # Nobody has a training rating.
    assert metrics[MRR] == pytest.approx((1 / 2 + 1) / 2)
    assert metrics[NDCG_AT[10]] == pytest.approx((1 / math.log2(3) + 1 / (1 + 1 / math.log2(3))) / 2)


def test_errors_in_stars() -> None:
    metrics = rating_metrics(np.array([3.0, 5.0]), np.array([3.0, 1.0]))

    assert metrics == {RMSE: pytest.approx(math.sqrt(8)), MAE: pytest.approx(2)}
