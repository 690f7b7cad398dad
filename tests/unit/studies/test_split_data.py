"""Arrays of a split: the file, and the cuts that tuning is done on."""

from pathlib import Path

import numpy as np
import pytest

from studies.data.split_data import SplitData, validation_cut
from tests.unit.studies.worlds import checkerboard, ids, ratings


def pairs(data: SplitData) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    return tuple(
        sorted(zip(part.user.tolist(), part.movie.tolist(), strict=True))
        for part in (data.train, data.evaluation)
    )  # type: ignore[return-value]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    data = checkerboard()
    data.write(tmp_path / "ratings.npz")
    read = SplitData.read(tmp_path / "ratings.npz")

    assert pairs(read) == pairs(data)
    assert read.movie_ids.tolist() == data.movie_ids.tolist()
    assert read.train.timestamp.tolist() == data.train.timestamp.tolist()


# User 0 rates the movies 2, 0, 1 in this order, user 1 movie 0 alone, user 2 the movies 1, 2.
ROWS = [(0, 1, 3.0, 30), (1, 0, 3.0, 99), (0, 2, 3.0, 10), (2, 1, 3.0, 40), (0, 0, 3.0, 20), (2, 2, 3.0, 50)]
DATA = SplitData(ids("u", 3), ids("m", 3), ratings(ROWS), ratings([(1, 1, 5.0, 100)]))


@pytest.mark.parametrize(
    ("split", "held_out"),
    [
        ("leave_last_out", [(0, 1), (2, 2)]),  # The only rating of user 1 stays.
        ("temporal", [(1, 0), (2, 1), (2, 2)]),  # The latest half.
    ],
)
def test_tuning_cuts_as_the_split_does(split: str, held_out: list[tuple[int, int]]) -> None:
    cut = validation_cut(DATA, split, 42, share=0.5)

    train, evaluation = pairs(cut)
    assert evaluation == held_out
    assert sorted(train + evaluation) == sorted((user, movie) for user, movie, _, _ in ROWS)


def test_people_with_many_ratings_lend_their_last_five_to_tuning() -> None:
    rows = [(0, movie, 3.0, movie) for movie in range(40)]
    data = SplitData(ids("u", 1), ids("m", 40), ratings(rows), ratings([]))

    assert [movie for _, movie in pairs(validation_cut(data, "leave_last_out", 42))[1]] == [
        35,
        36,
        37,
        38,
        39,
    ]


@pytest.mark.parametrize("split", ["random", "official_fold"])
def test_a_random_cut_takes_its_share_and_goes_by_the_seed(split: str) -> None:
    data = checkerboard()
    cuts = [validation_cut(data, split, seed, share=0.25) for seed in (1, 1, 2)]

    assert pairs(cuts[0]) == pairs(cuts[1]) != pairs(cuts[2])
    assert 0.15 < len(cuts[0].evaluation) / len(data.train) < 0.35
    assert np.isin(cuts[0].evaluation.timestamp, data.train.timestamp).all()
