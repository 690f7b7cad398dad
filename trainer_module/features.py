"""The one vocabulary: names of features, splits, signatures, metrics and of what a fit gives out.

Raw names are those of the TFDS MovieLens data sets. Nothing here imports TensorFlow, so every room can
read it at no cost.
"""

from typing import Final

# Raw features of a `ratings` Example.
USER_ID: Final = "user_id"
MOVIE_ID: Final = "movie_id"
MOVIE_TITLE: Final = "movie_title"
MOVIE_GENRES: Final = "movie_genres"
MOVIE_RELEASE_YEAR: Final = "movie_release_year"
USER_RATING: Final = "user_rating"
TIMESTAMP: Final = "timestamp"
RAW_USER_AGE: Final = "raw_user_age"
BUCKETIZED_USER_AGE: Final = "bucketized_user_age"
USER_GENDER: Final = "user_gender"
USER_OCCUPATION_TEXT: Final = "user_occupation_text"
USER_ZIP_CODE: Final = "user_zip_code"
HISTORY_MOVIE_IDS: Final = "history_movie_ids"
HISTORY_RATINGS: Final = "history_ratings"

# The features that 100k and 1m have and the later data sets lack.
DEMOGRAPHICS: Final = (
    RAW_USER_AGE,
    BUCKETIZED_USER_AGE,
    USER_GENDER,
    USER_OCCUPATION_TEXT,
    USER_ZIP_CODE,
)

# Lower edges of TFDS's age buckets; 1 stands for "under 18".
AGE_BUCKETS: Final = (1, 18, 25, 35, 45, 50, 56)

GENRES: Final = (
    "Action",
    "Adventure",
    "Animation",
    "Children",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "IMAX",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "Unknown",
    "War",
    "Western",
    "(no genres listed)",
)

GENDERS: Final = ("Female", "Male")

# What Transform makes of them. An index of 0 stands for "unknown or absent" everywhere.
USER_INDEX: Final = "user_index"
MOVIE_INDEX: Final = "movie_index"
GENRES_MULTI_HOT: Final = "genres_multi_hot"
TITLE_WORD_INDEX: Final = "title_word_index"
RELEASE_YEAR_NORMALIZED: Final = "release_year_normalized"
RELEASE_DECADE_INDEX: Final = "release_decade_index"
AGE_NORMALIZED: Final = "age_normalized"
AGE_BUCKET_INDEX: Final = "age_bucket_index"
GENDER_INDEX: Final = "gender_index"
OCCUPATION_INDEX: Final = "occupation_index"
ZIP_AREA_INDEX: Final = "zip_area_index"
HOUR_INDEX: Final = "hour_index"
WEEKDAY_INDEX: Final = "weekday_index"
HISTORY_MOVIE_INDEX: Final = "history_movie_index"
HISTORY_RATING_CENTRED: Final = "history_rating_centred"

# What the retrieval model adds to them from the ratings of training: the stretch of time that a query is of,
# and how often a movie was rated, all in all and of late.
PERIOD_INDEX: Final = "period_index"
MOVIE_POPULARITY: Final = "movie_popularity"

TRANSFORMED_USER_FEATURES: Final = (
    USER_INDEX,
    AGE_NORMALIZED,
    AGE_BUCKET_INDEX,
    GENDER_INDEX,
    OCCUPATION_INDEX,
    ZIP_AREA_INDEX,
)
TRANSFORMED_CONTEXT_FEATURES: Final = (HOUR_INDEX, WEEKDAY_INDEX)
TRANSFORMED_MOVIE_FEATURES: Final = (
    MOVIE_INDEX,
    GENRES_MULTI_HOT,
    TITLE_WORD_INDEX,
    RELEASE_YEAR_NORMALIZED,
    RELEASE_DECADE_INDEX,
)

# Release decades get an index each from this one on; earlier ones share the first.
FIRST_RELEASE_DECADE: Final = 1900
RELEASE_DECADES: Final = 15
# Title words kept per movie; longer titles lose their tail.
TITLE_WORDS: Final = 12

# Vocabularies that Transform writes, by file name.
USER_VOCABULARY: Final = "user_id_vocabulary"
MOVIE_VOCABULARY: Final = "movie_id_vocabulary"
OCCUPATION_VOCABULARY: Final = "user_occupation_vocabulary"
TITLE_WORD_VOCABULARY: Final = "title_word_vocabulary"

TRAIN_SPLIT: Final = "train"
EVAL_SPLIT: Final = "eval"

# Signatures of the SavedModels: the serving contract, the one that only the Evaluator calls, and
# `transform_features`, for the model probe: what Transform's graph inside the model makes of raw Examples.
SERVING_DEFAULT: Final = "serving_default"
RECOMMEND: Final = "recommend"
RECOMMEND_FROM_HISTORY: Final = "recommend_from_history"
SIMILAR_MOVIES: Final = "similar_movies"
RANK: Final = "rank"
# Of a model that does both: what `serving_default` is to a model that only ranks.
RANK_EXAMPLES: Final = "rank_examples"
EVALUATE: Final = "evaluate"
TRANSFORM_FEATURES: Final = "transform_features"

# Inputs and outputs of those signatures that are no raw features.
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
REFERENCE_MOVIE_ID: Final = f"{REFERENCE}_{MOVIE_ID}"
REFERENCE_RATING: Final = f"{REFERENCE}_{USER_RATING}"
COLD_USER: Final = "cold_user"
COLD_MOVIE: Final = "cold_movie"
YES: Final = "yes"
NO: Final = "no"
# For retrieval also the training ratings of each listed movie [B, depth], and how many movies there are [B].
LIST_POPULARITY: Final = "list_popularity"
REFERENCE_LIST_POPULARITY: Final = f"{REFERENCE}_{LIST_POPULARITY}"
CATALOGUE_SIZE: Final = "catalogue_size"

# The logger that a fit reports each epoch to, and the files in which it leaves its learning curves and, for
# retrieval, which indexes were made and why.
PROGRESS_LOGGER: Final = "trainer_module.progress"
FIT_FILE: Final = "fit.json"
INDEX_FILE: Final = "index.json"

# Beside them, for whoever looks into a model: the weights of the cross layers by pair of features, and the
# embeddings of all movies.
CROSS_WEIGHTS_FILE: Final = "cross_weights.json"
MOVIE_EMBEDDINGS_FILE: Final = "movie_embeddings.npz"

# What the Evaluators measure. Recall and NDCG are taken at each of these lengths of the ranked list, and the
# longest is the length of the list that `evaluate` returns.
LIST_LENGTHS: Final = (10, 20, 50, 100)
RECALL_AT: Final = {k: f"recall@{k}" for k in LIST_LENGTHS}
NDCG_AT: Final = {k: f"ndcg@{k}" for k in LIST_LENGTHS}
MRR: Final = "mrr"
RMSE: Final = "rmse"
MAE: Final = "mae"
# Of the first ten movies of all lists; see `pipeline.list_metrics`.
COVERAGE: Final = "coverage@10"
PERSONALIZATION: Final = "personalization@10"
LOG_POPULARITY: Final = "log_popularity@10"
SHORT_LISTS: Final = "short_lists@10"
LIST_METRICS: Final = (COVERAGE, PERSONALIZATION, LOG_POPULARITY, SHORT_LISTS)
USER_COUNT: Final = "user_count"
EXAMPLE_COUNT: Final = "example_count"
EVALUATION_DEPTH: Final = max(LIST_LENGTHS)

# Names derived from that of a metric: what the reference reaches, by how much the model is above it, and how
# far it is behind the reference or the served version for certain; see `pipeline.metrics`.
OF_REFERENCE: Final = f"{REFERENCE}_{{}}"
OVER_REFERENCE: Final = "{}_over_reference"
BEHIND_REFERENCE: Final = "{}_behind_reference"
BEHIND_SERVED: Final = "{}_behind_served"
