"""Names of the tables, splits and features of Examples, raw and transformed.

Raw names are those of the TFDS MovieLens data sets.
"""

from typing import Final, Literal

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
# What the user had rated before this rating, newest last. Ratings of one second lack an order: wherever a
# history is made they are put into one by chance (docs/decisions/0011-ties-by-chance.md).
HISTORY_MOVIE_IDS: Final = "history_movie_ids"
HISTORY_RATINGS: Final = "history_ratings"

# Those that metrics can be sliced by.
SLICED_BY: Final = (
    USER_ID,
    MOVIE_ID,
    MOVIE_TITLE,
    MOVIE_GENRES,
    MOVIE_RELEASE_YEAR,
    USER_RATING,
    RAW_USER_AGE,
    BUCKETIZED_USER_AGE,
    USER_GENDER,
    USER_OCCUPATION_TEXT,
    USER_ZIP_CODE,
)

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

# The tables of Examples, and their splits. A catalogue is not divided into training and evaluation.
Table = Literal["ratings", "movies"]
RATINGS: Final = "ratings"
MOVIES: Final = "movies"
TRAIN_SPLIT: Final = "train"
EVAL_SPLIT: Final = "eval"
MOVIES_SPLIT: Final = "all"
