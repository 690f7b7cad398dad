"""Names, types and shapes that clients are written against."""

import pytest

from tests.contract.served_models import ServedModels

pytestmark = pytest.mark.slow

# The length of the list that signatures without `k` return, by default.
TOP_K = 100

IDS, ID_LISTS = ("string", [None]), ("string", [None, None])


def _ranked(k: int | None) -> dict[str, tuple[str, list[int | None]]]:
    return {
        "movie_id": ("string", [None, k]),
        "movie_title": ("string", [None, k]),
        "score": ("float32", [None, k]),
    }


def test_retrieval(served: ServedModels) -> None:
    found = served.signatures("retrieval")
    assert {name: found[name] for name in found if not name.startswith("evaluate")} == {
        "serving_default": (
            {"user_id": IDS},
            {**_ranked(TOP_K), "known_user": ("bool", [None])},
        ),
        "recommend": (
            {"user_id": IDS, "exclude_movie_ids": ID_LISTS, "k": ("int32", [])},
            {**_ranked(None), "known_user": ("bool", [None])},
        ),
        "recommend_from_history": ({"history_movie_ids": ID_LISTS}, _ranked(TOP_K)),
        "similar_movies": (
            {"movie_id": IDS, "k": ("int32", [])},
            {**_ranked(None), "known_movie": ("bool", [None])},
        ),
    }


def test_ranking(served: ServedModels) -> None:
    found = served.signatures("ranking")
    # What the Evaluator and the probe call is not for clients.
    assert found.pop("transform_features")[0] == {"examples": IDS}
    scores = ("float32", [None, None])
    assert found.pop("rerank") == (
        {"user_id": IDS, "movie_id": ID_LISTS, "retrieval_score": scores},
        {"score": scores, "user_rating": scores},
    )
    assert {name: found[name] for name in found if not name.startswith("evaluate")} == {
        "serving_default": ({"examples": IDS}, {"user_rating": ("float32", [None])}),
        "rank": ({"user_id": IDS, "movie_id": ID_LISTS}, {"user_rating": ("float32", [None, None])}),
    }


def test_recommender(served: ServedModels) -> None:
    found = served.signatures("recommender")
    ratings = ("float32", [None, None])
    expected = {
        "serving_default": {"user_id": IDS},
        "recommend": {"user_id": IDS, "exclude_movie_ids": ID_LISTS, "k": ("int32", [])},
        "recommend_from_history": {"history_movie_ids": ID_LISTS},
        "similar_movies": {"movie_id": IDS, "k": ("int32", [])},
        "rank": {"user_id": IDS, "movie_id": ID_LISTS},
    }
    assert {name: found[name][0] for name in found if name != "evaluate"} == expected
    listed = {"movie_id", "movie_title", "score", "user_rating"}
    assert {name: set(found[name][1]) for name in expected} == {
        "serving_default": {*listed, "known_user"},
        "recommend": {*listed, "known_user"},
        "recommend_from_history": listed,
        "similar_movies": {"movie_id", "movie_title", "score", "known_movie"},
        "rank": {"user_rating"},
    }
    assert found["recommend"][1]["user_rating"] == ratings
