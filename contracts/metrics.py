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
# Of the final list: recall of the movies that got 4 stars or more; NDCG with the gain (2^stars - 1) / 31, a
# ratio of sums over users; and the share of movies with 2 stars or less among the hits.
LIKED_RECALL: Final = "liked_recall@10"
GRADED_NDCG: Final = "graded_ndcg@10"
DISLIKED_HITS: Final = "disliked_hits@10"
# Of the first ten movies of all lists; see `pipeline.evaluation.list_metrics`.
COVERAGE: Final = "coverage@10"
PERSONALIZATION: Final = "personalization@10"
LOG_POPULARITY: Final = "log_popularity@10"
SHORT_LISTS: Final = "short_lists@10"
LIST_METRICS: Final = (COVERAGE, PERSONALIZATION, LOG_POPULARITY, SHORT_LISTS)
# Metrics that are not shares from 0 to 1, those that are better where they are lower, and the one that has no
# better side.
NOT_SHARES: Final = frozenset({RMSE, MAE, LOG_POPULARITY})
LOWER_IS_BETTER: Final = frozenset({RMSE, MAE, DISLIKED_HITS, SHORT_LISTS})
NEITHER_IS_BETTER: Final = frozenset({LOG_POPULARITY})
USER_COUNT: Final = "user_count"
EXAMPLE_COUNT: Final = "example_count"

# Names derived from that of a metric: what the reference reaches, by how much the model is above it, and how
# far it is behind the reference or the served version for certain; see `pipeline.evaluation.tfma_metrics`.
OF_REFERENCE: Final = "reference_{}"
OVER_REFERENCE: Final = "{}_over_reference"
BEHIND_REFERENCE: Final = "{}_behind_reference"
# The same of the orders of the candidates that the final list is compared with.
OF_RETRIEVAL_ORDER: Final = "retrieval_order_{}"
OVER_RETRIEVAL_ORDER: Final = "{}_over_retrieval_order"
BEHIND_RETRIEVAL_ORDER: Final = "{}_behind_retrieval_order"
OF_RATING_ORDER: Final = "rating_order_{}"
OVER_RATING_ORDER: Final = "{}_over_rating_order"
BEHIND_SERVED: Final = "{}_behind_served"
