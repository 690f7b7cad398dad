"""Rows, lists and thresholds whose metrics are worked out by hand, for the stock Evaluator."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.config import EvaluationConfig
from pipeline.evaluation.eval_config import retrieval_eval_config
from reports.reading.evaluation_results import (
    Measure,
)
from tests.unit.pipeline.tiny_evaluator import ByUser, Evaluated, lists, run

LOW_THRESHOLDS = EvaluationConfig(
    max_rmse=5,
    max_mae=5,
    min_recall_at_10=0.3,
    min_recall_at_100=0.1,
    min_personalization_at_10=0,
    max_short_lists=1,
)


def rated(user: str, gender: str | None, *movies: str) -> list[dict]:
    """Rows of one user; the data does not have ages, and of some users not the gender."""
    rows = [
        {"user_id": user, "movie_id": movie, "user_rating": 4.0, "history_movie_ids": movies[:number]}
        for number, movie in enumerate(movies)
    ]
    return [row | ({"user_gender": gender} if gender else {}) for row in rows]


ROWS = [
    *rated("1", "Male", "a", "b", "c"),
    *rated("2", "Female", "d"),
    *rated("3", "Female", "e", "f"),
    *rated("4", None, "g"),
]
RANKED = lists({"1": "x a y b", "2": "- - - - - - - - - - - d", "3": "e e - f", "4": "-"})
POPULAR = lists(dict.fromkeys("1234", "d a"))


def values(measures: Mapping[str, Measure]) -> dict[str, float]:
    return {name: measure.value for name, measure in measures.items()}


# Twenty users with five ratings each, each user's alike: what differs, differs by user.
OFF = {str(user): (user - 9.5) / 10 for user in range(20)}
RATING_ROWS = [
    {"user_id": user, "movie_id": str(movie), "user_rating": 3.0, "user_gender": "Male"}
    for user in OFF
    for movie in range(5)
]


def predicted(errors: Mapping[str, float]) -> dict[str, float]:
    return {user: 3.0 + error for user, error in errors.items()}


# Forty users, half of each gender, who each rated the movie that bears their number.
PEOPLE = [str(number) for number in range(40)]
OWN = {user: f"{user} x y" for user in PEOPLE}
NOTHING = dict.fromkeys(PEOPLE, "x y")
PEOPLE_ROWS = [
    {"user_id": user, "movie_id": user, "user_rating": 4.0, "user_gender": "Male" if number % 2 else "Female"}
    for number, user in enumerate(PEOPLE)
]
IN_SLICES = LOW_THRESHOLDS.model_copy(update={"min_slice_users": 20})


def missing(table: Mapping[str, str], users: Sequence[str]) -> dict[str, str]:
    return {**table, **dict.fromkeys(users, "x y")}


def compared(
    folder: Path, model: Mapping[str, str], served: Mapping[str, str], config: EvaluationConfig = IN_SLICES
) -> Evaluated:
    candidate, beside = (ByUser("movie_id", lists(table), lists(NOTHING)) for table in (model, served))
    return run(folder, PEOPLE_ROWS, candidate, retrieval_eval_config(config), served=beside)
