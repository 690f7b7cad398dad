"""Signatures of the SavedModels, with their inputs and outputs that are not raw features."""

from typing import Final

# The servables: one SavedModel each. `recommender` holds both stages and the final order of the list; `joint`
# is one model of both tasks.
RETRIEVAL: Final = "retrieval"
RANKING: Final = "ranking"
RECOMMENDER: Final = "recommender"
JOINT: Final = "joint"
SERVABLES: Final = (RETRIEVAL, RANKING, RECOMMENDER, JOINT)
# The models of one run in the order in which they are published: who finds a version of one finds it of those
# before it.
PUBLISHED_TOGETHER: Final = (RANKING, RETRIEVAL, RECOMMENDER)

# Signatures of the SavedModels: the serving contract, the one that only the Evaluator calls, and
# `transform_features`, for the model probe: what Transform's graph inside the model makes of raw Examples.
SERVING_DEFAULT: Final = "serving_default"
RECOMMEND: Final = "recommend"
RECOMMEND_FROM_HISTORY: Final = "recommend_from_history"
SIMILAR_MOVIES: Final = "similar_movies"
RANK: Final = "rank"
# Of ranking: the final order of a list that another server retrieved; `rank` with the scores of retrieval.
RERANK: Final = "rerank"
RETRIEVAL_SCORE: Final = "retrieval_score"
# How many movies of retrieval the final order is made for.
CANDIDATES: Final = 100
# Of a model that does both: what `serving_default` is to a model that only ranks.
RANK_EXAMPLES: Final = "rank_examples"
EVALUATE: Final = "evaluate"
TRANSFORM_FEATURES: Final = "transform_features"

# What one request may ask for; the graph of every signature refuses more. Rows are users, histories, movies
# or Examples. Slots are rows times the length of the list, the candidates, the history or the excluded
# movies, so that one row can list a whole catalogue. A rating takes about 6 KB while it is computed: the
# largest request grows a server by about 750 MB.
MAX_ROWS: Final = 1_024
MAX_SLOTS: Final = 131_072

# Inputs and outputs of those signatures that are not raw features.
EXAMPLES: Final = "examples"
EXCLUDE_MOVIE_IDS: Final = "exclude_movie_ids"
K: Final = "k"
SCORE: Final = "score"
KNOWN_USER: Final = "known_user"
KNOWN_MOVIE: Final = "known_movie"

# What `evaluate` answers about serialized `ratings` Examples [B], beside the model's own `movie_id`
# [B, depth] or `user_rating` [B]: the same of the reference that every model has to beat (popularity, or
# damped user and movie biases), and whether the train split lacks the row's user and its movie.
REFERENCE: Final = "reference"
REFERENCE_MOVIE_ID: Final = f"{REFERENCE}_movie_id"
REFERENCE_RATING: Final = f"{REFERENCE}_user_rating"
COLD_USER: Final = "cold_user"
COLD_MOVIE: Final = "cold_movie"
YES: Final = "yes"
NO: Final = "no"
# For the recommender also the orders that the final one is compared with, of the same candidates [B, depth].
RETRIEVAL_ORDER: Final = "retrieval_order"
RATING_ORDER: Final = "rating_order"
RETRIEVAL_ORDER_MOVIE_ID: Final = f"{RETRIEVAL_ORDER}_movie_id"
RATING_ORDER_MOVIE_ID: Final = f"{RATING_ORDER}_movie_id"
# With the final list its scores, as `score` [B, depth], and the predicted ratings of its movies [B, depth].
LIST_RATING: Final = "list_user_rating"
# For retrieval also the training ratings of each listed movie [B, depth], and how many movies there are [B].
LIST_POPULARITY: Final = "list_popularity"
REFERENCE_LIST_POPULARITY: Final = f"{REFERENCE}_{LIST_POPULARITY}"
CATALOGUE_SIZE: Final = "catalogue_size"

# Length of the ranked list that `evaluate` returns of each user.
EVALUATION_DEPTH: Final = 100
