"""The served list on withheld ratings: what is withheld, and metrics worked out by hand."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from contracts.metrics import COVERAGE, GRADED_NDCG, LIKED_RECALL, RECALL_AT
from studies.child import StudyError
from studies.data.split_data import SplitData
from studies.served_list.lists import FINAL, POPULARITY, RETRIEVAL_ORDER, names_of_users, popular_lists
from studies.served_list.measures import MOST_COMMON, differences, metrics_of, spread, sums_by_user
from studies.served_list.report import RESULTS_JSON, write_report
from studies.served_list.withheld import withhold_last
from tests.unit.studies.worlds import ids, ratings

HEADER = "userId,movieId,rating,timestamp\n"
MOVIES = "movieId,title,genres\n1,A (1990),Drama\n2,B (1991),Drama\n3,C (1992),Drama\n"


def csv_data(folder: Path, rows: list[str]) -> Path:
    folder.mkdir()
    (folder / "ratings.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows))
    (folder / "movies.csv").write_text(MOVIES)
    return folder


@pytest.fixture
def world() -> SplitData:
    """Three users who gave movie 0 five stars, movie 1 four, and movie 2 two; nobody rated movie 3."""
    train = ratings([(0, 1, 3.0, 1), (1, 0, 3.0, 1), (2, 0, 3.0, 1)])
    return SplitData(
        ids("u", 3), ids("m", 4), train, ratings([(0, 0, 5.0, 9), (1, 1, 4.0, 9), (2, 2, 2.0, 9)])
    )


def lists(*rows: str) -> list[list[bytes]]:
    """`"03"` for the movies 0 and 3."""
    return [[f"m00{movie}".encode() for movie in row] for row in rows]


def test_each_users_last_rating_is_taken_out_of_the_files(tmp_path: Path) -> None:
    rows = ["7,1,5.0,20", "7,2,3.0,20", "7,3,1.0,10", "8,1,4.0,5", "9,3,2.0,8", "9,3,2.5,9", "9,1,3.0,1"]
    source = csv_data(tmp_path / "data", [*rows, "a row that cannot be read"])

    data = withhold_last(source, tmp_path / "rest")

    # Of two at the same time the later line; a repeated pair goes with it; a single rating stays.
    left = ["7,1,5.0,20", "7,3,1.0,10", "8,1,4.0,5", "9,1,3.0,1", "a row that cannot be read"]
    assert (tmp_path / "rest" / "ratings.csv").read_text() == HEADER + "".join(f"{row}\n" for row in left)
    assert (tmp_path / "rest" / "movies.csv").read_text() == MOVIES
    assert names_of_users(data) == ["7", "9"]
    assert data.movie_ids[data.evaluation.movie].tolist() == [b"2", b"3"]
    assert data.evaluation.rating.tolist() == [3.0, 2.5]
    assert len(data.train) == 4


def test_a_folder_that_is_there_is_replaced(tmp_path: Path) -> None:
    first = csv_data(tmp_path / "first", ["1,1,5.0,1", "1,2,5.0,2", "2,1,1.0,1"])
    second = csv_data(tmp_path / "second", ["1,1,5.0,1", "1,3,5.0,2"])
    withhold_last(first, tmp_path / "rest")
    withhold_last(second, tmp_path / "rest")

    assert (tmp_path / "rest" / "ratings.csv").read_text() == f"{HEADER}1,1,5.0,1\n"


def test_nothing_to_withhold_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no user has two ratings"):
        withhold_last(csv_data(tmp_path / "data", ["1,1,5.0,1", "2,1,5.0,1"]), tmp_path / "rest")


def test_metrics_by_hand(world: SplitData) -> None:
    # User 0 finds a movie of 5 stars at slot 1, user 2 one of 2 stars at slot 3, user 1 nothing.
    sums = sums_by_user(world, lists("03", "32", "132"))

    recall, liked, graded = metrics_of(sums.sum(axis=0))
    assert recall == pytest.approx(2 / 3)
    assert liked == pytest.approx(1 / 2)
    gains = [(2**stars - 1) / 31 for stars in (5, 4, 2)]
    assert graded == pytest.approx((gains[0] + gains[2] / math.log2(4)) / sum(gains))


def test_spread_counts_a_movie_once_a_list() -> None:
    found = spread(lists("00", "01", "0"), 4)

    assert found == {COVERAGE: 2 / 4, MOST_COMMON: 1.0}


def test_differences_are_those_of_pairs(world: SplitData) -> None:
    better, worse = sums_by_user(world, lists("0", "1", "2")), sums_by_user(world, lists("0", "1", "1"))

    same = differences(np.stack([worse, better]), np.stack([worse, better]), seed=1)
    assert [(each.value, each.low, each.high) for each in same] == [(0, 0, 0)] * 3

    recall, liked, graded = differences(np.stack([better]), np.stack([worse]), seed=1)
    # It is better for the third user alone, who is not always drawn and can be drawn three times.
    assert recall.value == pytest.approx(1 / 3)
    assert (recall.low, recall.high) == pytest.approx((0, 1))
    assert recall.relative == pytest.approx(1 / 2)
    assert liked.value == 0
    assert graded.value > 0


def test_difference_is_of_the_means_over_fits(world: SplitData) -> None:
    all_found, none_found = sums_by_user(world, lists("0", "1", "2")), sums_by_user(world, lists("", "", ""))

    recall = differences(np.stack([all_found, none_found]), np.stack([all_found, all_found]), seed=1)[0]

    assert (recall.value, recall.low, recall.high) == pytest.approx((-0.5, -0.5, -0.5))


def test_popularity_leaves_out_what_the_user_has_rated(world: SplitData) -> None:
    found = popular_lists(world, seed=1)

    assert [ranked[0] for ranked in found] == ["m000", "m001", "m001"]
    assert [len(ranked) for ranked in found] == [3, 3, 3]


def test_the_page_and_the_file_have_every_order_and_seed(world: SplitData, tmp_path: Path) -> None:
    found = {
        FINAL: [["m000"], ["m001"], ["m003"]],
        RETRIEVAL_ORDER: [["m000"], ["m003"], ["m003"]],
        POPULARITY: popular_lists(world, seed=1),
    }

    page = write_report("tiny", world, {1: found, 2: found}, tmp_path)

    results = json.loads((tmp_path / RESULTS_JSON).read_text())
    assert results["lists"][FINAL]["2"] == {
        RECALL_AT[10]: pytest.approx(2 / 3),
        LIKED_RECALL: 1.0,
        GRADED_NDCG: pytest.approx((31 + 15) / (31 + 15 + 3)),
        COVERAGE: 3 / 4,
        MOST_COMMON: pytest.approx(1 / 3),
    }
    over = results["final list minus retrieval order"][RECALL_AT[10]]
    assert (over["value"], over["relative"]) == pytest.approx((1 / 3, 1))
    assert page == (tmp_path / "results.md").read_text()
    assert "| final list" in page
    assert "+.3333" in page or "+0.3333" in page
