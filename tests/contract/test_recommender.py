"""What the pushed recommender answers: the list of retrieval in the final order."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tests.contract.served_models import ServedModels

pytestmark = pytest.mark.slow

UNKNOWN_USER = "nobody"
CANDIDATES = 100
Sets = Mapping[str, set[str]]


def _recommend(served: ServedModels, model: str, users: list[str], k: int) -> dict[str, Any]:
    return served.call(
        model,
        "recommend",
        user_id=np.array(users, object),
        exclude_movie_ids=np.empty([len(users), 0], object),
        k=k,
    )


def test_final_list_has_the_candidates_of_retrieval_in_another_order(
    served: ServedModels, titles: dict[str, str], rated: Sets
) -> None:
    users = list(rated)
    final = _recommend(served, "recommender", users, CANDIDATES)
    retrieved = _recommend(served, "retrieval", users, CANDIDATES)
    assert final["known_user"].all()
    for user, movies, shown, scores, found in zip(
        users, final["movie_id"], final["movie_title"], final["score"], retrieved["movie_id"], strict=True
    ):
        assert sorted(movies) == sorted(found), user
        assert not set(movies) & rated[user], user
        assert list(shown) == [titles.get(movie, "") for movie in movies], user
        assert (np.diff(scores) <= 0).all(), user


def test_ratings_beside_the_list_are_those_of_ranking(served: ServedModels, rated: Sets) -> None:
    users = list(rated)
    final = _recommend(served, "recommender", users, 10)
    for model in ("recommender", "ranking"):
        ranked = served.call(model, "rank", user_id=users, movie_id=final["movie_id"])
        np.testing.assert_allclose(final["user_rating"], ranked["user_rating"], atol=1e-5)


def test_two_servers_give_the_same_list_as_one(served: ServedModels, rated: Sets) -> None:
    users = list(rated)
    final = _recommend(served, "recommender", users, CANDIDATES)
    found = _recommend(served, "retrieval", users, CANDIDATES)
    reranked = served.call(
        "ranking", "rerank", user_id=users, movie_id=found["movie_id"], retrieval_score=found["score"]
    )
    order = np.argsort(-reranked["score"], axis=1, kind="stable")
    together = np.take_along_axis(found["movie_id"], order, axis=1)
    # Ratings of other batches differ in the last digits, and so may movies that are all but tied.
    assert np.mean(together == final["movie_id"]) > 0.99


def test_default_answer_is_the_head_of_the_list(served: ServedModels, rated: Sets) -> None:
    users = [*list(rated)[:20], UNKNOWN_USER]
    default = served.call("recommender", "serving_default", user_id=users)
    whole = _recommend(served, "recommender", users, CANDIDATES)
    assert (default["movie_id"] == whole["movie_id"]).all()
    assert default["known_user"].tolist() == [True] * 20 + [False]


def test_unknown_users_get_the_list_of_retrieval(served: ServedModels) -> None:
    final, retrieved = (
        _recommend(served, model, [UNKNOWN_USER, ""], CANDIDATES) for model in ("recommender", "retrieval")
    )
    assert (final["movie_id"] == retrieved["movie_id"]).all()
    assert ((final["user_rating"] >= 1) & (final["user_rating"] <= 5)).all()
