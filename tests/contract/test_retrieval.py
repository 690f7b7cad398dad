"""What the pushed retrieval model answers."""

import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.contract.served_models import ServedModels

pytestmark = pytest.mark.slow

UNKNOWN_USER = "nobody"
Sets = Mapping[str, set[str]]


def _recommend(served: ServedModels, users: list[str], k: int, exclude: list[list[str]] | None = None) -> Any:
    nothing = np.empty([len(users), 0], object)
    return served.call(
        "retrieval",
        "recommend",
        user_id=np.array(users, object),
        exclude_movie_ids=nothing if exclude is None else exclude,
        k=k,
    )


def test_index_holds_every_movie_once_rated_or_not(
    served: ServedModels, titles: dict[str, str], rated: Sets
) -> None:
    assert set().union(*rated.values()) < set(titles), "the sample should have movies that nobody rated"
    answer = _recommend(served, [UNKNOWN_USER], len(titles))
    assert answer["known_user"].tolist() == [False]
    assert Counter(answer["movie_id"][0]) == Counter(list(titles))


def test_every_user_gets_all_movies_but_those_rated(
    served: ServedModels, titles: dict[str, str], rated: Sets
) -> None:
    users = list(rated)
    answer = _recommend(served, users, len(titles))
    assert answer["known_user"].all()
    for user, movies, scores in zip(users, answer["movie_id"], answer["score"], strict=True):
        left = len(titles) - len(rated[user])
        assert Counter(movies[:left]) == Counter(titles.keys() - rated[user]), user
        # Where nothing is left to recommend the slots are empty, at the end.
        assert set(movies[left:]) == {""}, user
        assert (np.diff(scores) <= 0).all(), user


def test_default_answer_for_every_user_is_the_head_of_that(
    served: ServedModels, titles: dict[str, str], rated: Sets
) -> None:
    users = list(rated)
    default = served.call("retrieval", "serving_default", user_id=users)
    whole = _recommend(served, users, len(titles))
    assert default["known_user"].all()
    for user, movies in zip(users, default["movie_id"], strict=True):
        assert not rated[user] & set(movies), user
    for name in ("movie_id", "movie_title"):
        assert (default[name] == whole[name][:, : default[name].shape[1]]).all()


def test_titles_are_those_of_the_ids(served: ServedModels, titles: dict[str, str]) -> None:
    assert len(set(titles.values())) < len(titles), "the sample should have movies of the same title"
    assert not all(title.isascii() for title in titles.values())
    answers = [
        _recommend(served, [UNKNOWN_USER, "1"], len(titles)),
        served.call("retrieval", "similar_movies", movie_id=["1", "2"], k=len(titles)),
        served.call("retrieval", "recommend_from_history", history_movie_ids=[["1", "2"]]),
    ]
    for answer in answers:
        shown = zip(answer["movie_id"].ravel(), answer["movie_title"].ravel(), strict=True)
        assert all(title == ({**titles, "": ""})[movie] for movie, title in shown)


def test_people_get_lists_of_their_own(served: ServedModels, rated: Sets) -> None:
    answer = served.call("retrieval", "serving_default", user_id=list(rated))
    assert len({tuple(movies[:10]) for movies in answer["movie_id"]}) > 0.9 * len(rated)


def test_unknown_user_gets_what_is_popular(
    served: ServedModels, raw_folder: Path, titles: dict[str, str]
) -> None:
    with (raw_folder / "u.data").open() as stream:
        ratings = Counter(row[1] for row in csv.reader(stream, delimiter="\t"))
    answer = served.call("retrieval", "serving_default", user_id=[UNKNOWN_USER, ""])
    assert answer["known_user"].tolist() == [False, False]
    assert (answer["movie_id"][0] == answer["movie_id"][1]).all()
    shares = np.mean([ratings[movie] for movie in answer["movie_id"][0][:10]])
    assert shares > 2 * sum(ratings.values()) / len(titles)


def test_a_request_can_exclude_more(served: ServedModels, titles: dict[str, str]) -> None:
    before = _recommend(served, ["1", UNKNOWN_USER], 5)["movie_id"]
    # The first movie of each list, a movie that is not in the catalogue, and padding.
    exclude = [[before[0][0], "no-such-movie", ""], [before[1][0], "", ""]]
    after = _recommend(served, ["1", UNKNOWN_USER], 4, exclude)["movie_id"]
    assert (after == before[:, 1:]).all()
    everything = _recommend(served, ["1"], 3, [list(titles)])
    assert everything["movie_id"].tolist() == [["", "", ""]]
    assert everything["movie_title"].tolist() == [["", "", ""]]
    assert np.isfinite(everything["score"]).all()


def test_k_is_that_of_the_request_up_to_the_catalogue(served: ServedModels, titles: dict[str, str]) -> None:
    for k, length in ((0, 0), (1, 1), (7, 7), (10 * len(titles), len(titles))):
        assert _recommend(served, ["1"], k)["movie_id"].shape == (1, length)
        similar = served.call("retrieval", "similar_movies", movie_id=["1"], k=k)
        assert similar["movie_id"].shape == (1, length)


def test_history_stands_in_for_a_user(served: ServedModels, titles: dict[str, str], rated: Sets) -> None:
    histories = [sorted(rated[user])[:5] for user in ("1", "2", "3")]
    answer = served.call("retrieval", "recommend_from_history", history_movie_ids=histories)
    for history, movies in zip(histories, answer["movie_id"], strict=True):
        assert not set(history) & set(movies)
        assert len(set(movies)) == len(movies)
        assert set(movies) < set(titles)
    assert len({tuple(movies[:10]) for movies in answer["movie_id"]}) == 3


def test_padding_and_unknown_movies_of_a_history_change_nothing(served: ServedModels) -> None:
    histories = [["", "", "5", "9"], ["5", "9", "", ""], ["5", "no-such-movie", "9", ""]]
    answer = served.call("retrieval", "recommend_from_history", history_movie_ids=histories)
    for row in (1, 2):
        assert (answer["movie_id"][row] == answer["movie_id"][0]).all()
        assert answer["score"][row] == pytest.approx(answer["score"][0], abs=1e-5)


def test_history_of_nothing_is_an_unknown_user(served: ServedModels) -> None:
    unknown_list = served.call("retrieval", "serving_default", user_id=[UNKNOWN_USER])["movie_id"]
    for histories in ([[]], [["", ""]], [["no-such-movie"]]):
        answer = served.call("retrieval", "recommend_from_history", history_movie_ids=histories)
        assert (answer["movie_id"] == unknown_list).all(), histories


def test_similar_movies_are_others_by_falling_similarity(
    served: ServedModels, titles: dict[str, str]
) -> None:
    movies = list(titles)
    answer = served.call("retrieval", "similar_movies", movie_id=movies, k=len(movies))
    assert answer["known_movie"].all()
    for movie, similar, scores in zip(movies, answer["movie_id"], answer["score"], strict=True):
        assert Counter(similar[:-1]) == Counter(titles.keys() - {movie})
        assert similar[-1] == ""
        assert (np.diff(scores) <= 0).all()
        assert np.abs(scores[:-1]).max() <= 1 + 1e-5


def test_unknown_movie_is_flagged_and_its_list_is_empty(served: ServedModels) -> None:
    answer = served.call("retrieval", "similar_movies", movie_id=["1", "no-such-movie", ""], k=3)
    assert answer["known_movie"].tolist() == [True, False, False]
    assert answer["movie_id"][1:].tolist() == [["", "", ""]] * 2


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_batches_of_any_size(size: int, served: ServedModels, rated: Sets) -> None:
    users = (list(rated) * (size // len(rated) + 1))[:size]
    answer = served.call("retrieval", "serving_default", user_id=np.array(users, object))
    assert {name: len(values) for name, values in answer.items()} == dict.fromkeys(answer, size)
    assert len(_recommend(served, users, 3)["movie_id"]) == size
    history = np.array([["1", "2"]] * size, object).reshape(size, 2)
    found = served.call("retrieval", "recommend_from_history", history_movie_ids=history)
    assert len(found["movie_id"]) == size
    similar = served.call("retrieval", "similar_movies", movie_id=np.array(["1"] * size, object), k=3)
    assert len(similar["movie_id"]) == size
    if size > 1:
        # A user's answer does not depend on who else is in the batch.
        alone = served.call("retrieval", "serving_default", user_id=[users[7]])
        assert (alone["movie_id"][0] == answer["movie_id"][7]).all()
