"""The official folds of small data written by hand."""

from pathlib import Path

import pytest

from components.movielens_example_gen.executor import MovieLensExampleGenExecutor
from components.movielens_example_gen.official_folds import fold_rows
from components.movielens_example_gen.settings import ExampleGenSettings
from components.movielens_example_gen.source import RawSource
from movielens.records import DatasetError
from tests.unit.components.movielens_example_gen.tiny_data import Row, SmallPieces, run, write_100k

pytestmark = pytest.mark.slow

# User 1 rates the movies 1 to 4 in this order, user 2 the movies 3 and 4.
ROWS: list[Row] = [(2, 4, 1, 60), (1, 1, 5, 10), (1, 3, 4, 30), (1, 2, 3, 20), (2, 3, 2, 50), (1, 4, 4, 40)]
TEST = [ROWS[3], ROWS[4]]


def write_fold(folder: Path, fold: int, test: list[Row], rows: list[Row]) -> None:
    """Writes the two files of a fold in an order that is not that of u.data."""
    parts = {"test": sorted(test), "base": sorted(set(rows) - set(test))}
    for part, of_part in parts.items():
        (folder / f"u{fold}.{part}").write_bytes(b"".join(b"%d\t%d\t%d\t%d\n" % row for row in of_part))


def eval_rows(folder: Path, fold: int) -> list[Row]:
    return [row for row, out in zip(ROWS, fold_rows(RawSource.open(str(folder)), fold), strict=True) if out]


def test_eval_is_what_the_fold_tests_on_and_histories_hold_training_ratings(tmp_path: Path) -> None:
    raw = write_100k(tmp_path / "raw", ROWS)
    write_fold(raw, 2, TEST, ROWS)
    result = run(raw, tmp_path / "out", executor=SmallPieces, split="official_fold", fold=2)

    train, evaluation = result.by_pair("train"), result.by_pair("eval")
    assert set(evaluation) == {("1", "2"), ("2", "3")}
    assert set(train) == {("2", "4"), ("1", "1"), ("1", "3"), ("1", "4")}
    # Movie 2 came between 1 and 3, but is eval.
    assert train["1", "4"]["history_movie_ids"] == [b"1", b"3"]
    assert evaluation["1", "2"]["history_movie_ids"] == [b"1"]
    assert train["2", "4"]["history_movie_ids"] == []


def test_each_fold_has_its_own_rows(tmp_path: Path) -> None:
    raw = write_100k(tmp_path / "raw", ROWS)
    write_fold(raw, 1, TEST, ROWS)
    write_fold(raw, 5, ROWS[:1], ROWS)

    assert eval_rows(raw, 1) == TEST
    assert eval_rows(raw, 5) == ROWS[:1]


def test_rows_that_are_no_ratings_move_no_mark(tmp_path: Path) -> None:
    lines = [b"%d\t%d\t%d\t%d" % row for row in ROWS]
    raw = write_100k(tmp_path / "raw", b"\n".join([lines[0], b"broken", b"", *lines[1:], b"broken"]) + b"\n")
    write_fold(raw, 1, TEST, ROWS)

    marked = fold_rows(RawSource.open(str(raw)), 1)

    # Lines 6 and 7 of the file, counted from 1.
    assert marked.nonzero()[0].tolist() == [5, 6]


def test_a_data_set_without_folds_is_refused_by_name(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,10,0.5,100\n1,20,4.5,200\n")
    (raw / "movies.csv").write_text("movieId,title,genres\n10,A (1990),Drama\n20,B (1990),Drama\n")

    with pytest.raises(
        DatasetError, match=r"raw: the ml-csv layout does not have official folds.*ml-100k.*random"
    ):
        run(raw, tmp_path / "out", executor=MovieLensExampleGenExecutor, split="official_fold")


@pytest.mark.parametrize(
    ("fold", "message"),
    [(1, r"raw/u1\.test is missing, and fold 1 needs it"), (6, r"there is no fold 6, the last one is 5")],
)
def test_a_fold_that_is_not_there_is_refused(tmp_path: Path, fold: int, message: str) -> None:
    raw = write_100k(tmp_path / "raw", ROWS)
    write_fold(raw, 1, TEST, ROWS)
    (raw / "u1.test").unlink()

    with pytest.raises(DatasetError, match=message):
        fold_rows(RawSource.open(str(raw)), fold)


def test_files_that_are_no_division_of_the_ratings_are_refused(tmp_path: Path) -> None:
    raw = write_100k(tmp_path / "raw", ROWS)
    write_fold(raw, 1, TEST, ROWS[:-1])

    with pytest.raises(
        DatasetError, match=r"u1\.base and u1\.test together do not hold the ratings of u\.data"
    ):
        fold_rows(RawSource.open(str(raw)), 1)


def test_metrics_name_the_fold() -> None:
    settings = ExampleGenSettings(split="official_fold", fold=3)
    assert (settings.split_name, settings.split_label) == ("official_fold 3", "official_fold-3")
    assert ExampleGenSettings(split="random").split_name == "random"
