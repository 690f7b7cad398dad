"""Names of the serving contract: models, signatures, inputs and outputs.

The client is installed without the trainers, so it cannot read `trainer_module/features.py`; a contract
test holds the two together.
"""

from typing import Final

RETRIEVAL: Final = "retrieval"
RANKING: Final = "ranking"
# One model with the signatures of both.
JOINT: Final = "joint"

# Signatures.
RECOMMEND: Final = "recommend"
RECOMMEND_FROM_HISTORY: Final = "recommend_from_history"
SIMILAR_MOVIES: Final = "similar_movies"
RANK: Final = "rank"

# Inputs and outputs.
USER_ID: Final = "user_id"
MOVIE_ID: Final = "movie_id"
MOVIE_TITLE: Final = "movie_title"
USER_RATING: Final = "user_rating"
HISTORY_MOVIE_IDS: Final = "history_movie_ids"
EXCLUDE_MOVIE_IDS: Final = "exclude_movie_ids"
K: Final = "k"
SCORE: Final = "score"
KNOWN_USER: Final = "known_user"
KNOWN_MOVIE: Final = "known_movie"
