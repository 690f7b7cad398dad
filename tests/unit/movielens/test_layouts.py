import pytest

from movielens.layouts import Layout, detect_layout
from movielens.records import DatasetError, bucketize_age, is_valid_zip


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        (["README", "u.data", "u.item", "u.user", "u1.base"], Layout.ML_100K),
        (["README", "movies.dat", "ratings.dat", "users.dat"], Layout.ML_1M),
        (["README.html", "movies.dat", "ratings.dat", "tags.dat"], Layout.ML_10M),
        (["movie.csv", "rating.csv", "link.csv"], Layout.KAGGLE),
        (["links.csv", "movies.csv", "ratings.csv", "tags.csv"], Layout.ML_CSV),
        (["genome-scores.csv", "genome-tags.csv", "movies.csv", "ratings.csv"], Layout.ML_CSV),
    ],
)
def test_the_layout_follows_from_the_files(names: list[str], layout: Layout) -> None:
    assert detect_layout(names, "data") is layout


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "data is empty"),
        (["u.data", "u.user"], "ml-100k would also need u.item"),
        (["ratings.dat", "movies.dat"], "ml-1m would also need users.dat; ml-10m would also need tags.dat"),
        (["holiday.jpg"], "ml-csv would also need ratings.csv, movies.csv"),
        (["u.data", "u.item", "u.user", "movies.csv", "ratings.csv"], "files of ml-100k and ml-csv"),
    ],
)
def test_the_message_names_what_a_folder_lacks(names: list[str], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        detect_layout(names, "data")


def test_a_lacking_file_is_reported_for_the_layout_that_was_begun_alone() -> None:
    with pytest.raises(DatasetError) as caught:
        detect_layout(["u.data", "u.user"], "data")
    assert "ml-1m" not in str(caught.value)


@pytest.mark.parametrize(
    ("layout", "allowed", "refused"),
    [
        (Layout.ML_100K, [1, 2, 3, 4, 5], [0, 0.5, 3.5, 6, float("nan")]),
        (Layout.ML_1M, [1, 5], [4.5, 10]),
        (Layout.ML_CSV, [0.5, 1, 3.5, 5], [0, 0.25, 5.5, float("inf")]),
    ],
)
def test_rating_scales(layout: Layout, allowed: list[float], refused: list[float]) -> None:
    allows = layout.spec.rating_scale.allows
    assert [allows(rating) for rating in allowed] == [True] * len(allowed)
    assert [allows(rating) for rating in refused] == [False] * len(refused)


@pytest.mark.parametrize(
    ("age", "bucket"),
    [(0, 1), (7, 1), (17, 1), (18, 18), (24, 18), (25, 25), (44, 35), (45, 45), (49, 45), (55, 50), (73, 56)],
)
def test_age_buckets(age: float, bucket: float) -> None:
    assert bucketize_age(age) == bucket


@pytest.mark.parametrize(
    ("zip_code", "valid"),
    [
        ("98101", True),
        ("00501", True),
        ("V1G4L", False),
        ("9810", False),
        ("981011", False),
        ("", False),
        ("98101-1234", False),
        ("٩٨١٠١", False),
        ("98101\n", False),
    ],
)
def test_zip_codes(zip_code: str, valid: bool) -> None:
    assert is_valid_zip(zip_code) is valid
