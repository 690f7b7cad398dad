from collections import Counter
from pathlib import Path

import pytest

from movielens.layouts import Layout
from movielens.readers import parse_movies, parse_ratings, parse_users, read_format, read_lines
from movielens.records import DatasetError, Movie, Rating, Rejected, RejectReason, User, is_valid_zip

CSV_HEADER = b"userId,movieId,rating,timestamp"


def ratings(layout: Layout, *lines: bytes) -> list[tuple[int, Rating | Rejected]]:
    return list(parse_ratings(lines, layout, "ratings"))


def reasons(records: list[tuple[int, Rating | Rejected]]) -> list[RejectReason]:
    return [record.reason for _, record in records if isinstance(record, Rejected)]


def test_ratings_of_each_layout() -> None:
    expected = [(1, Rating("196", "242", 3.0, 881250949)), (2, Rating("7", "1", 5.0, 0))]
    assert ratings(Layout.ML_100K, b"196\t242\t3\t881250949", b"7\t1\t5\t0") == expected
    assert ratings(Layout.ML_1M, b"196::242::3::881250949", b"7::1::5::0") == expected
    assert ratings(Layout.ML_CSV, CSV_HEADER, b"196,242,3.5,881250949", b"7,1,0.5,0") == [
        (2, Rating("196", "242", 3.5, 881250949)),
        (3, Rating("7", "1", 0.5, 0)),
    ]


def test_byte_order_mark_carriage_returns_and_empty_lines_are_no_content() -> None:
    assert ratings(Layout.ML_100K, b"\xef\xbb\xbf1\t2\t3\t4\r", b"", b"\r", b"5\t6\t1\t8\r") == [
        (1, Rating("1", "2", 3.0, 4)),
        (4, Rating("5", "6", 1.0, 8)),
    ]
    assert ratings(Layout.ML_CSV, b"\xef\xbb\xbf" + CSV_HEADER + b"\r", b"1,2,4.0,9\r") == [
        (2, Rating("1", "2", 4.0, 9))
    ]


def test_line_numbers_and_the_header_go_by_the_first_line_of_a_chunk() -> None:
    assert list(parse_ratings([b"1,2,4.0,9"], Layout.ML_CSV, "ratings.csv", first_line=500)) == [
        (500, Rating("1", "2", 4.0, 9))
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1\t2\t3", RejectReason.FIELD_COUNT),
        (b"1\t2\t3\t4\t5", RejectReason.FIELD_COUNT),
        (b"1,2,3,4", RejectReason.FIELD_COUNT),
        (b"1\t2\tthree\t4", RejectReason.NOT_A_NUMBER),
        (b"1\t2\tnan\t4", RejectReason.NOT_A_NUMBER),
        (b"1\t2\t1_0\t4", RejectReason.NOT_A_NUMBER),
        (b"1\t2\t\t4", RejectReason.NOT_A_NUMBER),
        (b"u1\t2\t3\t4", RejectReason.NOT_A_NUMBER),
        (b"1\t-2\t3\t4", RejectReason.NOT_A_NUMBER),
        (b"1\t2\t6\t4", RejectReason.OFF_SCALE),
        (b"1\t2\t-1\t4", RejectReason.OFF_SCALE),
        (b"1\t2\t3.5\t4", RejectReason.OFF_SCALE),
        (b"1\t2\t3\t", RejectReason.BAD_TIMESTAMP),
        (b"1\t2\t3\t1998-04-01", RejectReason.BAD_TIMESTAMP),
        (b"1\t2\t3\t999999999999999999999", RejectReason.BAD_TIMESTAMP),
        (b"1\t2\t3\t4\x00", RejectReason.NUL_BYTE),
        (b"\x00" * 40, RejectReason.NUL_BYTE),
    ],
)
def test_a_bad_row_is_rejected_by_line_and_reason_and_the_next_one_read(
    line: bytes, reason: RejectReason
) -> None:
    records = ratings(Layout.ML_100K, b"1\t2\t3\t4", line, b"1\t3\t3\t4")
    assert [type(record) for _, record in records] == [Rating, Rejected, Rating]
    rejected = records[1][1]
    assert isinstance(rejected, Rejected)
    assert (rejected.file, rejected.line, rejected.reason) == ("ratings", 2, reason)


def test_the_text_of_a_rejected_row_is_printable_and_short() -> None:
    ((_, rejected),) = ratings(Layout.ML_100K, b"a\x00\x1b[2J\xff" + b"x" * 1000)
    assert isinstance(rejected, Rejected)
    assert rejected.text.startswith("a\\x00\\x1b[2J\\xffx")
    assert rejected.text.isprintable()
    assert len(rejected.text) < 300


def test_a_header_without_a_column_stops_the_file_with_an_example() -> None:
    with pytest.raises(DatasetError, match=r"ratings, line 1: .*movieId,stars.*296,3.5"):
        ratings(Layout.ML_CSV, b"userId,movieId,stars,timestamp", b"1,2,3.0,4")
    with pytest.raises(DatasetError, match=r"line 1: the header should name the columns userId"):
        ratings(Layout.ML_CSV, b"1,2,3.0,4")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (b"movieId,userId,rating,timestamp", b"2,1,3.5,9"),
        (b"user_id,movie_id,rating,timestamp", b"1,2,3.5,9"),
        (b"UserID,MovieID,Rating,Timestamp", b"1,2,3.5,9"),
        (b'"userId","movieId","rating","timestamp"', b'"1","2","3.5","9"'),
        (b"userId;movieId;rating;timestamp", b"1;2;3.5;9"),
        (b"userId\tmovieId\trating\ttimestamp", b"1\t2\t3.5\t9"),
        (b"userId,movieId,rating,device,timestamp", b'1,2,3.5,"tv, old",9'),
        (b"userId,movieId,rating,timestamp", b"1,2,3.5,9.0"),
        (b"userId,movieId,rating,timestamp", b'1,2,3.5,"1970-01-01 00:00:09"'),
        (b"userId,movieId,rating,timestamp", b"1,2,3.5,1970-01-01T01:00:09+01:00"),
        (b"userId,movieId,rating,timestamp", b"1,2,3.5,1970-01-01T00:00:09Z"),
    ],
)
def test_ways_to_write_the_same_csv_row(header: bytes, row: bytes) -> None:
    for layout in (Layout.ML_CSV, Layout.KAGGLE):
        assert ratings(layout, header, row) == [(2, Rating("1", "2", 3.5, 9))]


def test_a_chunk_without_header_is_read_in_the_format_of_its_file() -> None:
    form = read_format(b"\xef\xbb\xbftimestamp;rating;movieId;userId\r", Layout.ML_CSV, "data/ratings.csv")
    found = parse_ratings([b"9;3.5;2;1"], Layout.ML_CSV, "ratings.csv", 700, form)
    assert list(found) == [(700, Rating("1", "2", 3.5, 9))]


def test_columns_that_are_not_read_are_known() -> None:
    form = read_format(b"movieId,title,genres,year", Layout.ML_CSV, "movies.csv")
    assert form is not None
    assert form.ignored == ("year",)


def test_utf_16_is_named() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        text = ("\ufeff" + CSV_HEADER.decode() + "\n").encode(encoding)
        for layout in (Layout.ML_CSV, Layout.ML_1M):
            with pytest.raises(DatasetError, match="ratings is UTF-16 text and UTF-8 is expected"):
                ratings(layout, text.split(b"\n")[0])


def test_half_stars_of_ml_10m() -> None:
    assert ratings(Layout.ML_10M, b"1::2::3.5::9") == [(1, Rating("1", "2", 3.5, 9))]


def test_a_file_cut_off_in_its_last_line_loses_that_row_only(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_bytes(b"1\t2\t3\t881250949\n1\t3\t4\t881250950\n1\t4\t5")
    with (tmp_path / "u.data").open("rb") as stream:
        records = list(parse_ratings(read_lines(stream), Layout.ML_100K, "u.data"))
    assert [number for number, _ in records] == [1, 2, 3]
    assert reasons(records) == [RejectReason.FIELD_COUNT]


def test_the_real_ml_100k(ml_100k: Path) -> None:
    with (ml_100k / "u.data").open("rb") as data, (ml_100k / "u.item").open("rb") as item:
        all_ratings = [record for _, record in parse_ratings(read_lines(data), Layout.ML_100K, "u.data")]
        all_movies = [record for _, record in parse_movies(read_lines(item), Layout.ML_100K, "u.item")]
    with (ml_100k / "u.user").open("rb") as user:
        all_users = [record for _, record in parse_users(read_lines(user), Layout.ML_100K, "u.user")]
    kinds = Counter(type(record) for record in [*all_ratings, *all_movies, *all_users])
    assert kinds == {Rating: 100_000, Movie: 1_682, User: 943}

    valid = {user.user_id for user in all_users if isinstance(user, User) and is_valid_zip(user.zip_code)}
    messy = {user.zip_code for user in all_users if isinstance(user, User) and user.user_id not in valid}
    assert len(messy) == 17
    kept = [rating for rating in all_ratings if isinstance(rating, Rating) and rating.user_id in valid]
    assert len(kept) == 97_914
    without_year = [movie for movie in all_movies if isinstance(movie, Movie) and movie.release_year is None]
    assert [movie.title for movie in without_year] == ["unknown"]
