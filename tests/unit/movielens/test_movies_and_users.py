"""Readers of the files of movies and of users."""

import pytest

from movielens.layouts import Layout
from movielens.readers import parse_movies, parse_users
from movielens.records import DatasetError, Movie, Rejected, RejectReason, User


def movies(layout: Layout, *lines: bytes) -> list[Movie | Rejected]:
    return [record for _, record in parse_movies(lines, layout, "movies")]


def movie_100k(title: bytes, date: bytes, *genres: int) -> bytes:
    flags = b"|".join(b"1" if index in genres else b"0" for index in range(19))
    return b"7|" + title + b"|" + date + b"||http://example.org/|" + flags


def test_movies_of_ml_100k() -> None:
    lines = [
        movie_100k(b"Caf\xe9 au lait (1993)", b"01-Jan-1994", 4, 5),
        movie_100k(b" Two Friends (1986) ", b"", 8),
        movie_100k(b"unknown", b"", 0),
        movie_100k(b"Third Part (1995) (V)", b"01-Jan-1996", 3),
        movie_100k(b"No Year", b"14-Feb-1997"),
    ]
    assert movies(Layout.ML_100K, *lines) == [
        Movie("7", "Café au lait (1993)", ("Children", "Comedy"), 1993),
        Movie("7", "Two Friends (1986)", ("Drama",), 1986),
        Movie("7", "unknown", ("Unknown",), None),
        Movie("7", "Third Part (1995) (V)", ("Animation",), 1995),
        Movie("7", "No Year", ("(no genres listed)",), 1997),
    ]


def test_movies_of_ml_1m() -> None:
    assert movies(
        Layout.ML_1M, b"1::Toy: A Story (1995)::Animation|Children's|Comedy", b"2::\xc9t\xe9 (2000)::Drama"
    ) == [
        Movie("1", "Toy: A Story (1995)", ("Animation", "Children", "Comedy"), 1995),
        Movie("2", "Été (2000)", ("Drama",), 2000),
    ]


def test_movies_of_the_csv_data_sets() -> None:
    lines = [
        b"\xef\xbb\xbfmovieId,title,genres\r",
        b'11,"Garden, The (1995)",Comedy|Drama|Romance\r',
        b'2,"""Quoted"" Title, A (2006\xe2\x80\x932007)",(no genres listed)\r',
        "3,Été (1999),IMAX|Sci-Fi\r".encode(),
        b"4,Nothing But a Name,\r",
    ]
    assert movies(Layout.ML_CSV, *lines) == [
        Movie("11", "Garden, The (1995)", ("Comedy", "Drama", "Romance"), 1995),
        Movie("2", '"Quoted" Title, A (2006\u20132007)', ("(no genres listed)",), 2006),
        Movie("3", "Été (1999)", ("IMAX", "Sci-Fi"), 1999),
        Movie("4", "Nothing But a Name", ("(no genres listed)",), None),
    ]


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("1984 (1956)", 1956),
        ("Film (1000)", None),
        ("(500) Days (2009)", 2009),
        ("Show (1999- )", 1999),
        ("Part (1995) (2001)", 2001),
        ("2001", None),
        ("Film (95)", None),
        ("Film (1995)  ", 1995),
    ],
)
def test_release_year_is_the_last_one_in_parentheses(title: str, year: int | None) -> None:
    (movie,) = movies(Layout.ML_1M, f"1::{title}::Drama".encode())
    assert isinstance(movie, Movie)
    assert movie.release_year == year


@pytest.mark.parametrize(
    ("layout", "line", "reason"),
    [
        (Layout.ML_100K, b"7|Title (1990)|01-Jan-1990||", RejectReason.FIELD_COUNT),
        (Layout.ML_100K, movie_100k(b"Title", b"")[:-1] + b"2", RejectReason.UNKNOWN_CODE),
        (Layout.ML_100K, movie_100k(b" ", b""), RejectReason.EMPTY_FIELD),
        (Layout.ML_1M, b"x::Title::Drama", RejectReason.NOT_A_NUMBER),
        (Layout.ML_1M, b"1::Ti\x00tle::Drama", RejectReason.NUL_BYTE),
        (Layout.ML_1M, b"1::" + b"T" * 70_000 + b"::Drama", RejectReason.LINE_TOO_LONG),
    ],
)
def test_a_bad_movie_is_rejected(layout: Layout, line: bytes, reason: RejectReason) -> None:
    (record,) = movies(layout, line)
    assert isinstance(record, Rejected)
    assert record.reason is reason


def test_bad_movies_of_the_csv_data_sets() -> None:
    lines = [b"movieId,title,genres", b'5,"Cut off, The (19', b"6,Caf\xe9 (1990),Drama", b"7,Title"]
    records = movies(Layout.ML_CSV, *lines)
    assert [record.reason for record in records if isinstance(record, Rejected)] == [
        RejectReason.QUOTING,
        RejectReason.ENCODING,
        RejectReason.FIELD_COUNT,
    ]


def test_users_of_both_layouts() -> None:
    lines = [b"1|24|M|technician|85711", b"2|73|F|none|V1G4L"]
    assert [user for _, user in parse_users(lines, Layout.ML_100K, "u.user")] == [
        User("1", 24.0, 18.0, "Male", "technician", "85711"),
        User("2", 73.0, 56.0, "Female", "none", "V1G4L"),
    ]
    lines = [b"1::F::1::10::48067", b"2::M::56::16::70072-1234"]
    assert [user for _, user in parse_users(lines, Layout.ML_1M, "users.dat")] == [
        User("1", None, 1.0, "Female", "K-12 student", "48067"),
        User("2", None, 56.0, "Male", "self-employed", "70072-1234"),
    ]


def test_a_blank_age_is_none() -> None:
    ((_, of_100k),) = parse_users([b"1||M|technician|85711"], Layout.ML_100K, "u.user")
    ((_, of_1m),) = parse_users([b"1::F::::10::48067"], Layout.ML_1M, "users.dat")
    assert of_100k == User("1", None, None, "Male", "technician", "85711")
    assert of_1m == User("1", None, None, "Female", "K-12 student", "48067")


@pytest.mark.parametrize(
    ("layout", "line", "reason"),
    [
        (Layout.ML_100K, b"1|24|X|technician|85711", RejectReason.UNKNOWN_CODE),
        (Layout.ML_100K, b"1|?|M|technician|85711", RejectReason.NOT_A_NUMBER),
        (Layout.ML_100K, b"1|240|M|technician|85711", RejectReason.OFF_SCALE),
        (Layout.ML_100K, b"1|24|M||85711", RejectReason.EMPTY_FIELD),
        (Layout.ML_100K, b"1|24|M|technician", RejectReason.FIELD_COUNT),
        (Layout.ML_1M, b"1::F::2::10::48067", RejectReason.UNKNOWN_CODE),
        (Layout.ML_1M, b"1::F::1::21::48067", RejectReason.UNKNOWN_CODE),
    ],
)
def test_a_bad_user_is_rejected(layout: Layout, line: bytes, reason: RejectReason) -> None:
    ((_, record),) = parse_users([line], layout, "users")
    assert isinstance(record, Rejected)
    assert record.reason is reason


def test_the_csv_data_sets_have_no_users() -> None:
    with pytest.raises(DatasetError, match="not have a file of users"):
        parse_users([], Layout.ML_CSV, "users.csv")


def test_rows_that_quotes_join_are_read_apart() -> None:
    lines = [b"movieId,title,genres", b'1,"open,Drama', b'2,close",Drama', b"3,Film,Drama", b'4,"A, B",Drama']
    records = movies(Layout.ML_CSV, *lines)
    assert [getattr(record, "reason", None) for record in records] == [
        RejectReason.QUOTING,
        None,
        None,
        None,
    ]
    assert [record.title for record in records[1:] if isinstance(record, Movie)] == ['close"', "Film", "A, B"]


def test_utf_8_in_a_latin_1_layout_is_recognized() -> None:
    lines = ["1::Été (2000)::Drama".encode(), "2::Été (2001)::Drama".encode("latin-1")]
    titles = [record.title for record in movies(Layout.ML_1M, *lines) if isinstance(record, Movie)]
    assert titles == ["Été (2000)", "Été (2001)"]
