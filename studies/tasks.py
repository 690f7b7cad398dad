"""The tasks of models and baselines, and their metrics."""

from typing import Final, Literal

from contracts.metrics import MAE, MRR, NDCG_AT, RECALL_AT, RMSE

Task = Literal["retrieval", "ranking", "joint"]
RETRIEVAL: Final = "retrieval"
RANKING: Final = "ranking"
JOINT: Final = "joint"

LIST_METRICS: Final = (*RECALL_AT.values(), *NDCG_AT.values(), MRR)
# Of the users without a training rating alone; a split that has none leaves it empty.
NEW_USERS_NDCG: Final = f"{NDCG_AT[10]} of new users"
RETRIEVAL_METRICS: Final = (*LIST_METRICS, NEW_USERS_NDCG)
RATING_METRICS: Final = (RMSE, MAE)
# Of a joint model, over the ratings of the eval split; see `studies.accuracies`.
ACCURACY_LENGTHS: Final = (10, 100)
BY_SCORE: Final = {k: f"top-{k} by score" for k in ACCURACY_LENGTHS}
BY_ID: Final = {k: f"top-{k} by id" for k in ACCURACY_LENGTHS}
TIED: Final = "share tied"
ACCURACY_METRICS: Final = (*BY_SCORE.values(), *BY_ID.values(), TIED)
