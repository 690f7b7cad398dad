"""The catalogue of the application: a search by what people type, names as they write them."""

import threading
from pathlib import Path

import pytest

from contracts.catalogue import CATALOGUE_FILE
from serving.app.catalogue import MovieCatalogue, MovieFilter
from serving.app.published import PublishedError, PublishedModels
from tests.unit.serving.app.conftest import HISTORY, KNOWN, VERSION, write_catalogue

ANY = MovieFilter()


@pytest.fixture
def catalogue(tmp_path: Path) -> MovieCatalogue:
    return MovieCatalogue(write_catalogue(tmp_path / "some folder #1" / "catalogue.sqlite"), VERSION)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("The Matrix", ["1", "7"]),
        ("matrix, the", ["1", "7"]),
        ("matr rel", ["7"]),
        ("AMELIE", ["2"]),
        ("amélie", ["2"]),
        ("ete", ["3"]),
        ("l'ete", ["3"]),
        ("1995", ["5", "8"]),
        ('boot" OR "matrix', []),
        ("boot*", ["4"]),
        ("NEAR(matrix boot)", []),
        ("???", []),
        ("", ["1", "2", "3", "4", "5", "6", "7", "8"]),
    ],
)
def test_a_search_finds_beginnings_of_words_whatever_their_order(
    catalogue: MovieCatalogue, words: str, found: list[str]
) -> None:
    total, movies = catalogue.search(words, ANY, 20)
    assert [movie.movie_id for movie in movies] == found
    assert total == len(found)


def test_genre_decade_and_pages(catalogue: MovieCatalogue) -> None:
    def ids(wanted: MovieFilter, limit: int = 20, offset: int = 0) -> list[str]:
        return [movie.movie_id for movie in catalogue.search("", wanted, limit, offset)[1]]

    assert ids(MovieFilter("Drama")) == ["3", "4", "8"]
    assert ids(MovieFilter("Drama", 1980)) == ["3", "4"]
    assert ids(MovieFilter("Drama"), 1, 1) == ["4"]
    # A part of a name, and what means something to SQL.
    assert ids(MovieFilter("Dram")) == ids(MovieFilter("%")) == []
    assert catalogue.decades == (2000, 1990, 1980)
    assert "Sci-Fi" in catalogue.genres


def test_names_are_those_that_people_write(catalogue: MovieCatalogue) -> None:
    names = [movie.name for movie in catalogue.search("", ANY, 20)[1]]
    assert names[0] == "The Matrix"
    assert names[1:4] == ["Amélie", "L'Été meurtrier", "Das Boot"]
    assert names[5:] == ["Undated", "The Matrix Reloaded", "Les Misérables"]


def test_users_come_with_their_history_and_any_thread_may_read(catalogue: MovieCatalogue) -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(catalogue.user(KNOWN)))
    thread.start()
    thread.join()
    assert found == [catalogue.user(KNOWN)]
    assert found[0] is not None
    assert [list(each) for each in found[0].history] == HISTORY
    assert catalogue.user("43") is None
    assert (catalogue.stars, catalogue.liked) == ((1.0, 2.0, 3.0, 4.0, 5.0), 4.0)


def test_a_folder_without_a_catalogue_is_refused_with_what_to_do(models: Path, tmp_path: Path) -> None:
    with pytest.raises(PublishedError, match="make run"):
        PublishedModels(tmp_path / "nothing")
    (models / "recommender" / str(VERSION) / CATALOGUE_FILE).write_text("not a database")
    with pytest.raises(PublishedError, match="not a catalogue"):
        PublishedModels(models)
