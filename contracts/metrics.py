"""Names of the metrics that the Evaluators compute."""

from typing import Final

# What the Evaluators measure. Recall and NDCG are taken at each of these lengths of the ranked list; the
# longest is `contracts.signatures.EVALUATION_DEPTH`.
LIST_LENGTHS: Final = (10, 20, 50, 100)
RECALL_AT: Final = {k: f"recall@{k}" for k in LIST_LENGTHS}
NDCG_AT: Final = {k: f"ndcg@{k}" for k in LIST_LENGTHS}
MRR: Final = "mrr"
RMSE: Final = "rmse"
MAE: Final = "mae"
# Of the first ten movies of all lists; see `pipeline.evaluation.list_metrics`.
COVERAGE: Final = "coverage@10"
PERSONALIZATION: Final = "personalization@10"
LOG_POPULARITY: Final = "log_popularity@10"
SHORT_LISTS: Final = "short_lists@10"
LIST_METRICS: Final = (COVERAGE, PERSONALIZATION, LOG_POPULARITY, SHORT_LISTS)
USER_COUNT: Final = "user_count"
EXAMPLE_COUNT: Final = "example_count"

# Names derived from that of a metric: what the reference reaches, by how much the model is above it, and how
# far it is behind the reference or the served version for certain; see `pipeline.evaluation.tfma_metrics`.
OF_REFERENCE: Final = "reference_{}"
OVER_REFERENCE: Final = "{}_over_reference"
BEHIND_REFERENCE: Final = "{}_behind_reference"
BEHIND_SERVED: Final = "{}_behind_served"
