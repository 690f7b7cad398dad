"""The executor over tiny data: what is in the Examples, what is left out, and how a run fails."""

import csv
import json
from pathlib import Path

import pytest

from contracts.features import MOVIES
from movielens.records import DatasetError
from tests.unit.components.movielens_example_gen.tiny_data import SmallPieces, records, run, write_100k

pytestmark = pytest.mark.slow

# User 1 rates 1, 2, 3, 4 in this order although the lines come in another; user 2 rates at one second;
# user 3 rates once.
ROWS = [
    (1, 4, 2, 400),
    (2, 5, 5, 100),
    (1, 1, 5, 100),
    (2, 6, 4, 100),
    (1, 3, 3, 300),
    (3, 7, 1, 900),
    (1, 2, 4, 200),
    (2, 4, 3, 100),
]


def test_last_out_with_histories(tmp_path: Path) -> None:
    result = run(write_100k(tmp_path / "raw", ROWS), tmp_path / "out", executor=SmallPieces)

    # Equal timestamps are settled by the line: user 2's last rating is of movie 4.
    assert set(result.by_pair("eval")) == {("1", "4"), ("2", "4")}
    train, evaluation = result.by_pair("train"), result.by_pair("eval")
    assert set(train) == {("1", "1"), ("1", "2"), ("1", "3"), ("2", "5"), ("2", "6"), ("3", "7")}
    assert train["1", "1"]["history_movie_ids"] == []
    assert train["1", "3"]["history_movie_ids"] == [b"1", b"2"]
    assert train["1", "3"]["history_ratings"] == [5.0, 4.0]
    assert evaluation["1", "4"]["history_movie_ids"] == [b"1", b"2", b"3"]
    assert sorted(evaluation["2", "4"]["history_movie_ids"]) == [b"5", b"6"]
    assert len(list((tmp_path / "out" / "Split-train").iterdir())) == 3
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "Split-train",
        "Split-eval",
        "counts.json",
        "rejected.csv",
    }


def test_an_example_has_its_movie_and_its_user(tmp_path: Path) -> None:
    result = run(write_100k(tmp_path / "raw", ROWS), tmp_path / "out")
    assert result.by_pair("eval")["1", "4"] == {
        "user_id": [b"1"],
        "movie_id": [b"4"],
        "movie_title": [b"Movie 4 (1994)"],
        "movie_genres": [b"Comedy", b"Drama"],
        "movie_release_year": [1994],
        "user_rating": [2.0],
        "timestamp": [400],
        "raw_user_age": [21.0],
        "bucketized_user_age": [18.0],
        "user_gender": [b"Female"],
        "user_occupation_text": [b"student"],
        "user_zip_code": [b"00001"],
        "history_movie_ids": [b"1", b"2", b"3"],
        "history_ratings": [5.0, 4.0, 3.0],
    }


def test_history_keeps_the_most_recent(tmp_path: Path) -> None:
    result = run(write_100k(tmp_path / "raw", ROWS), tmp_path / "out", history_length=2)
    assert result.by_pair("eval")["1", "4"]["history_movie_ids"] == [b"2", b"3"]


def test_temporal_cut_is_exact_and_settles_ties_by_line(tmp_path: Path) -> None:
    # Half of eight train: the four of the first second come first, by line, then (1, 2).
    raw = write_100k(tmp_path / "raw", ROWS)
    result = run(raw, tmp_path / "out", executor=SmallPieces, split="temporal", eval_share=0.625)
    assert set(result.by_pair("train")) == {("2", "5"), ("1", "1"), ("2", "6")}
    assert sorted(result.by_pair("eval")["2", "4"]["history_movie_ids"]) == [b"5", b"6"]
    half = run(raw, tmp_path / "half", executor=SmallPieces, split="temporal", eval_share=0.5)
    assert set(half.by_pair("train")) == {("2", "5"), ("1", "1"), ("2", "6"), ("2", "4")}


def test_permutation_counts_lines_of_the_file(tmp_path: Path) -> None:
    # np.random.RandomState(42).permutation(8) is [1 5 0 7 2 4 3 6]; a share of 0.25 holds out 3 and 6.
    result = run(
        write_100k(tmp_path / "raw", ROWS),
        tmp_path / "out",
        executor=SmallPieces,
        split="random",
        random_rule="permutation",
        eval_share=0.25,
    )
    assert set(result.by_pair("eval")) == {("2", "6"), ("1", "2")}
    # Movie 6 is of the second of 4 and 5, but is eval; of these two, chance puts one before the other.
    histories = [result.by_pair("train")["2", movie]["history_movie_ids"] for movie in ("4", "5")]
    assert histories in ([[], [b"4"]], [[b"5"], []])
    assert result.by_pair("train")["1", "4"]["history_movie_ids"] == [b"1", b"3"]


def test_hash_history_holds_training_ratings_only(tmp_path: Path) -> None:
    rows = [(user, movie, 3, 10 * movie) for user in range(1, 10) for movie in range(1, 10)]
    result = run(write_100k(tmp_path / "raw", rows), tmp_path / "out", executor=SmallPieces, split="random")
    train, evaluation = result.by_pair("train"), result.by_pair("eval")
    assert len(train) + len(evaluation) == 81
    assert 5 < len(evaluation) < 30
    for (user, movie), example in {**train, **evaluation}.items():
        earlier = [str(other) for other in range(1, int(movie)) if (user, str(other)) in train]
        assert [item.decode() for item in example["history_movie_ids"]] == earlier


def test_rejected_rows_are_counted_and_listed_with_their_lines(tmp_path: Path) -> None:
    bad = [
        b"1\t1\t5\t100",
        b"1\t2\t5\t200",
        b"1\t3\t5",  # line 3
        b"1\t4\tx\t200",
        b"1\t4\t9\t200",
        b"1\t99\t4\t200",  # no such movie
        b"99\t1\t4\t200",  # no such user
        b"1\t1\t2\t300",  # rated before
        b"1\t5\0\t4\t200",
    ]
    raw = write_100k(tmp_path / "raw", b"\r\n".join(bad) + b"\r\n")
    result = run(raw, tmp_path / "out", executor=SmallPieces, max_rejected_share=0.8)
    with (tmp_path / "out" / "rejected.csv").open(newline="") as stream:
        rows = [(row["file"], int(row["line"]), row["reason"]) for row in csv.DictReader(stream)]
    assert rows == [
        ("u.data", 3, "field_count"),
        ("u.data", 4, "not_a_number"),
        ("u.data", 5, "off_scale"),
        ("u.data", 6, "unknown_movie"),
        ("u.data", 7, "unknown_user"),
        ("u.data", 8, "duplicate_pair"),
        ("u.data", 9, "nul_byte"),
    ]
    assert result.properties["rows_read"] == 9
    assert result.properties["rows_rejected"] == 7
    assert result.properties["rejected_duplicate_pair"] == 1
    assert result.properties["examples_train"] == result.properties["examples_eval"] == 1
    # The first rating of the pair is the one that counts.
    assert result.by_pair("train")["1", "1"]["user_rating"] == [5.0]


def test_the_earlier_rating_of_a_pair_counts_even_if_its_line_comes_later(tmp_path: Path) -> None:
    rows = [(1, 1, 2, 500), (1, 1, 5, 100), (1, 2, 3, 200)]
    result = run(write_100k(tmp_path / "raw", rows), tmp_path / "out", max_rejected_share=0.5)
    assert result.by_pair("train")["1", "1"]["user_rating"] == [5.0]
    assert set(result.by_pair("eval")) == {("1", "2")}


def test_too_many_rejected_rows_fail_the_run_and_stay_readable(tmp_path: Path) -> None:
    raw = write_100k(tmp_path / "raw", [*ROWS, (1, 9, 9, 100), (1, 8, 7, 100)])
    with pytest.raises(DatasetError) as caught:
        run(raw, tmp_path / "examples" / "3")
    kept = tmp_path / "examples" / "3.rejected.csv"
    assert "2 of the 10 rows of u.data (20.00%)" in str(caught.value)
    assert "off_scale 2" in str(caught.value)
    assert str(kept) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert kept.read_text().splitlines()[1] == r"u.data,9,off_scale,1\t9\t9\t100"
    assert not list((tmp_path / "examples" / "3").glob("Split-*"))


def test_too_many_rejected_users_fail_the_run(tmp_path: Path) -> None:
    raw = write_100k(tmp_path / "raw", ROWS)
    with (raw / "u.user").open("a") as stream:
        stream.write("1|24|M|writer|00000\n")
    with pytest.raises(DatasetError, match=r"1 of the 10 rows of u\.user .*duplicate_user 1"):
        run(raw, tmp_path / "out")


def test_zip_codes_of_other_forms(tmp_path: Path) -> None:
    raw = write_100k(tmp_path / "raw", ROWS)
    users = (raw / "u.user").read_text().replace("|00002\n", "|V3N4P\n").replace("|00003\n", "|\n")
    (raw / "u.user").write_text(users)

    kept = run(raw, tmp_path / "keep").by_pair("train")
    assert kept["2", "5"]["user_zip_code"] == [b"V3N4P"]
    assert "user_zip_code" not in kept["3", "7"]

    blank = run(raw, tmp_path / "blank", invalid_zip="blank").by_pair("train")
    assert "user_zip_code" not in blank["2", "5"]
    assert blank["1", "1"]["user_zip_code"] == [b"00001"]

    dropped = run(raw, tmp_path / "drop", invalid_zip="drop")
    assert {user for split in ("train", "eval") for user, _ in dropped.by_pair(split)} == {"1"}
    assert dropped.properties["rows_dropped"] == 4
    assert dropped.properties["rows_rejected"] == 0
    assert dropped.properties["users"] == 1
    assert dropped.properties["movies"] == 4


def test_csv_layout_has_half_stars_and_no_demographics(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,10,0.5,100\n1,20,4.5,200\n")
    (raw / "movies.csv").write_text(
        'movieId,title,genres\n10,"American President, The (1995)",Comedy|Drama\n20,Gone,(no genres listed)\n'
    )
    (raw / "tags.csv").write_text("userId,movieId,tag,timestamp\n")
    result = run(raw, tmp_path / "out", split="random", random_rule="permutation", eval_share=0.5)
    # np.random.RandomState(42).permutation(2) is [1 0]: the first row after the header is held out.
    assert result.splits["eval"][0] == {
        "user_id": [b"1"],
        "movie_id": [b"10"],
        "movie_title": [b"American President, The (1995)"],
        "movie_genres": [b"Comedy", b"Drama"],
        "movie_release_year": [1995],
        "user_rating": [0.5],
        "timestamp": [100],
        "history_movie_ids": [],
        "history_ratings": [],
    }
    assert "movie_release_year" not in result.splits["train"][0]


def test_movies_are_the_whole_catalogue_in_the_order_of_the_file(tmp_path: Path) -> None:
    raw = write_100k(tmp_path / "raw", ROWS, movies=8)
    result = run(raw, tmp_path / "out", table=MOVIES)
    assert result.split_names == ["all"]
    assert [example["movie_id"] for example in result.splits["all"]] == [[b"%d" % i] for i in range(1, 9)]
    assert result.splits["all"][0] == {
        "movie_id": [b"1"],
        "movie_title": [b"Movie 1 (1991)"],
        "movie_genres": [b"Comedy", b"Drama"],
        "movie_release_year": [1991],
    }
    assert result.properties["examples_all"] == result.properties["movies"] == 8


def test_a_second_movie_of_one_id_is_rejected(tmp_path: Path) -> None:
    raw = write_100k(tmp_path / "raw", ROWS)
    items = (raw / "u.item").read_bytes()
    (raw / "u.item").write_bytes(items + items.splitlines()[0].replace(b"Movie 1", b"Other") + b"\n")
    with pytest.raises(DatasetError, match="duplicate_movie 1"):
        run(raw, tmp_path / "out", table=MOVIES)
    result = run(raw, tmp_path / "again", table=MOVIES, max_rejected_share=0.2)
    assert result.splits["all"][0]["movie_title"] == [b"Movie 1 (1991)"]
    assert result.properties["rejected_duplicate_movie"] == 1


def test_same_input_gives_the_same_files_and_pieces_do_not_change_the_content(tmp_path: Path) -> None:
    raw = write_100k(tmp_path / "raw", ROWS)
    run(raw, tmp_path / "one", executor=SmallPieces)
    run(raw, tmp_path / "two", executor=SmallPieces)
    run(raw, tmp_path / "whole")
    for split in ("Split-train", "Split-eval"):
        one = {path.name: path.read_bytes() for path in (tmp_path / "one" / split).iterdir()}
        assert one == {path.name: path.read_bytes() for path in (tmp_path / "two" / split).iterdir()}
        assert sorted(records(tmp_path / "one" / split)) == sorted(records(tmp_path / "whole" / split))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda raw: [path.unlink() for path in raw.iterdir()], "is empty"),
        (lambda raw: (raw / "u.item").unlink(), "u.item"),
        (lambda raw: (raw / "u.data").write_bytes(b""), "does not hold ratings"),
        (lambda raw: (raw / "u.data").write_bytes(b"1\t1\t5\t100\n"), "split 'eval'"),
    ],
)
def test_an_unusable_folder_gets_one_clear_line(tmp_path: Path, break_it, message: str) -> None:  # type: ignore[no-untyped-def]
    raw = write_100k(tmp_path / "raw", ROWS)
    break_it(raw)
    with pytest.raises(DatasetError, match=message) as caught:
        run(raw, tmp_path / "out")
    assert str(raw) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        run(tmp_path / "nowhere", tmp_path / "out")


def test_a_wrong_csv_header_is_named(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "ratings.csv").write_text("user,movie,rating,timestamp\n1,10,0.5,100\n")
    (raw / "movies.csv").write_text("movieId,title,genres\n10,Gone,Drama\n")
    with pytest.raises(DatasetError, match=r"ratings\.csv, line 1: the header"):
        run(raw, tmp_path / "out")


def test_counts_file_holds_everything(tmp_path: Path) -> None:
    run(write_100k(tmp_path / "raw", ROWS), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "counts.json").read_text()) == {
        "files": {"u.data": {"rows": 8, "rejected": {}}, "u.user": {"rows": 9, "rejected": {}}},
        "dropped": 0,
        "users": 3,
        "movies": 7,
        "examples": {"eval": 2, "train": 6},
    }
