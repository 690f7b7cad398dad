"""The catalogue: every movie once, in an order that only the seed decides."""

from pathlib import Path

import numpy as np
import pytest

from contracts import features
from tests.transform_run import Transformed
from tests.unit.trainer_module.tiny_world import COLD, MOVIES, write
from trainer_module.common.catalogue import Catalogue, read_catalogue

SEED = 3


@pytest.fixture
def catalogue(movie_files: list[str], transformed: Transformed) -> Catalogue:
    return read_catalogue(movie_files, transformed.transform_output, SEED)


def position(catalogue: Catalogue, movie_id: str) -> int:
    return int(catalogue.positions(np.array([movie_id.encode()], np.object_))[0])


def test_every_movie_has_its_own_title_and_features(catalogue: Catalogue) -> None:
    assert len(catalogue) == len(MOVIES)
    for movie in MOVIES:
        place = position(catalogue, movie["movie_id"])
        assert catalogue.ids[place].decode() == movie["movie_id"]
        assert catalogue.titles[place].decode() == movie["movie_title"]
        genres = catalogue.columns[features.GENRES_MULTI_HOT][place]
        assert [genre for genre, on in zip(features.GENRES, genres, strict=True) if on] == sorted(
            movie["movie_genres"]
        )


def test_a_movie_that_nobody_rated_has_content_and_no_id(
    catalogue: Catalogue, transformed: Transformed
) -> None:
    columns = {name: values[position(catalogue, "6")] for name, values in catalogue.columns.items()}
    assert columns[features.MOVIE_INDEX] == 0
    assert columns[features.RELEASE_DECADE_INDEX] == 10
    words = transformed.transform_output.vocabulary_by_name(features.TITLE_WORD_VOCABULARY)
    indices = columns[features.TITLE_WORD_INDEX]
    assert [words[index - 1] for index in indices if index] == [b"the", b"train"]
    # The same year as a rated movie gives the same number.
    assert (
        columns[features.RELEASE_YEAR_NORMALIZED]
        == catalogue.columns[features.RELEASE_YEAR_NORMALIZED][position(catalogue, "2")]
        != 0
    )


def test_a_rated_movie_has_the_vocabulary_s_index(catalogue: Catalogue, transformed: Transformed) -> None:
    vocabulary = transformed.transform_output.vocabulary_by_name(features.MOVIE_VOCABULARY)
    for movie in MOVIES:
        if movie is not COLD:
            index = catalogue.columns[features.MOVIE_INDEX][position(catalogue, movie["movie_id"])]
            assert vocabulary[index - 1].decode() == movie["movie_id"]


def test_only_the_seed_decides_on_the_order(
    tmp_path: Path, catalogue: Catalogue, transformed: Transformed
) -> None:
    backwards = MOVIES[::-1]
    files = [write(tmp_path / f"{part}.gz", rows) for part, rows in enumerate((backwards[:2], backwards[2:]))]
    again = read_catalogue(files, transformed.transform_output, SEED)
    assert again.ids.tolist() == catalogue.ids.tolist()
    assert again.titles.tolist() == catalogue.titles.tolist()
    for name, values in catalogue.columns.items():
        np.testing.assert_array_equal(again.columns[name], values)
    orders = {
        tuple(read_catalogue(files, transformed.transform_output, seed).ids) for seed in range(SEED, SEED + 3)
    }
    assert len(orders) > 1
    # Sorted ids would let the oldest movies win every tie.
    assert catalogue.ids.tolist() != sorted(catalogue.ids)


def test_an_id_that_comes_twice_is_refused(tmp_path: Path, transformed: Transformed) -> None:
    file = write(tmp_path / "twice.gz", [*MOVIES, COLD])
    with pytest.raises(ValueError, match="1 ids twice"):
        read_catalogue([file], transformed.transform_output, SEED)


@pytest.mark.parametrize("written", [True, False], ids=["an empty file", "no file"])
def test_no_movies_is_an_error_that_names_the_pattern(
    tmp_path: Path, transformed: Transformed, written: bool
) -> None:
    if written:
        write(tmp_path / "empty.gz", [])
    with pytest.raises(ValueError, match=r"movies Examples are empty.*empty"):
        read_catalogue([str(tmp_path / "empty*")], transformed.transform_output, SEED)


def test_unknown_ids_have_no_position(catalogue: Catalogue) -> None:
    assert catalogue.positions(np.array([b"7", b"", "é".encode()], np.object_)).tolist() == [-1, -1, -1]
