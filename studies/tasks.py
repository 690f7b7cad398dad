"""What a model or a peer is asked to do, and what it is measured by."""

from typing import Final, Literal

from trainer_module.features import MAE, MRR, NDCG_AT, RECALL_AT, RMSE

Task = Literal["retrieval", "ranking"]
RETRIEVAL: Final = "retrieval"
RANKING: Final = "ranking"

RETRIEVAL_FIGURES: Final = (*RECALL_AT.values(), *NDCG_AT.values(), MRR)
RATING_FIGURES: Final = (RMSE, MAE)
