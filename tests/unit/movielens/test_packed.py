"""Packed data sets are read as the plain files that they stand for."""

import gzip
import zipfile
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from movielens.locate import locate
from movielens.records import DatasetError

RATINGS = "userId,movieId,rating,timestamp\n1,2,3.5,9\n"
MOVIES = "movieId,title,genres\n2,Film (1990),Comedy|Drama\n"


def located(folder: Path, below: Path) -> Path:
    found = locate(None, folder, unpack_below=below)
    assert found is not None
    return found


def test_gzip_beside_a_plain_file(tmp_path: Path) -> None:
    source = tmp_path / "own"
    source.mkdir()
    (source / "ratings.csv.gz").write_bytes(gzip.compress(RATINGS.encode()))
    (source / "movies.csv").write_text(MOVIES)
    plain = located(source, tmp_path / "out")
    assert plain.name == "own"
    assert (plain / "ratings.csv").read_text() == RATINGS
    assert (plain / "movies.csv").read_text() == MOVIES
    # A second call finds what the first one wrote, until the file changes.
    assert located(source, tmp_path / "out") == plain
    (source / "ratings.csv.gz").write_bytes(gzip.compress((RATINGS + "2,2,4.0,9\n").encode()))
    assert located(source, tmp_path / "out") != plain


@pytest.mark.parametrize("name_the_file", [True, False])
def test_a_data_set_in_one_zip(tmp_path: Path, name_the_file: bool) -> None:
    archive = tmp_path / "in" / "ml-own.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("ml-own/ratings.csv", RATINGS)
        members.writestr("ml-own/movies.csv", MOVIES)
    plain = located(archive if name_the_file else archive.parent, tmp_path / "out")
    assert plain.name == "ml-own"
    assert (plain / "ratings.csv").read_text() == RATINGS


def test_each_file_in_a_zip_of_its_own(tmp_path: Path) -> None:
    for name, text in (("rating.csv", RATINGS), ("movie.csv", MOVIES)):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as members:
            members.writestr(name, text)
    plain = located(tmp_path, tmp_path / "out")
    assert (plain / "rating.csv").read_text() == RATINGS


def test_parquet_with_times_and_lists(tmp_path: Path) -> None:
    times = pyarrow.array([9_000_000], pyarrow.timestamp("us"))
    ratings = pyarrow.table({"user_id": [1], "movie_id": [2], "rating": [3.5], "timestamp": times})
    movies = pyarrow.table({"movie_id": [2], "title": ["Film (1990)"], "genres": [["Comedy", "Drama"]]})
    parquet.write_table(ratings, tmp_path / "ratings.parquet")
    parquet.write_table(movies, tmp_path / "movies.parquet")
    plain = located(tmp_path, tmp_path / "out")
    assert (plain / "ratings.csv").read_text().splitlines() == [
        '"user_id","movie_id","rating","timestamp"',
        "1,2,3.5,9",
    ]
    assert (plain / "movies.csv").read_text().splitlines()[1] == '2,"Film (1990)","Comedy|Drama"'


def test_a_damaged_file_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "own"
    source.mkdir()
    (source / "ratings.csv.gz").write_bytes(gzip.compress(RATINGS.encode() * 99)[:-9])
    (source / "movies.csv").write_text(MOVIES)
    with pytest.raises(DatasetError, match=r"ratings\.csv\.gz cannot be unpacked"):
        located(source, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.csv"))
