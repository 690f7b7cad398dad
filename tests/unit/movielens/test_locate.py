from pathlib import Path

import pytest

from movielens.locate import MOVIELENS_DIR, dataset_label, locate
from movielens.records import DatasetError
from movielens.sample import SampleSpec, write_sample

ML_100K = ("u.data", "u.item", "u.user")
ML_1M = ("ratings.dat", "movies.dat", "users.dat")
ML_CSV = ("ratings.csv", "movies.csv", "links.csv")


@pytest.fixture(autouse=True)
def no_folder_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MOVIELENS_DIR, raising=False)


def make(folder: Path, names: tuple[str, ...], content: str = "something\n") -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text(content)
    return folder


def no_download(name: str) -> Path:
    raise AssertionError(f"{name} should not be downloaded")


def test_nothing_named_stands_for_the_embedded_sample() -> None:
    assert locate(None, None, no_download) is None


def test_a_folder_or_the_one_above_it(tmp_path: Path) -> None:
    folder = make(tmp_path / "data" / "ml-100k", ML_100K)
    assert locate(None, folder, no_download) == folder
    assert locate(None, folder.parent, no_download) == folder
    assert locate("ml-100k", folder, no_download) == folder
    assert locate("ml-100k", folder.parent, no_download) == folder


def test_among_several_data_sets_the_named_one(tmp_path: Path) -> None:
    make(tmp_path / "ml-100k", ML_100K)
    make(tmp_path / "ml-25m", ML_CSV)
    small = make(tmp_path / "ml-latest-small", ML_CSV)
    assert locate("ml-latest-small", tmp_path, no_download) == small
    with pytest.raises(
        DatasetError, match=r"several data sets \(ml-100k, ml-25m, ml-latest-small\).*--dataset"
    ):
        locate(None, tmp_path, no_download)
    with pytest.raises(DatasetError, match=r"holds ml-100k, ml-25m, ml-latest-small but not ml-1m"):
        locate("ml-1m", tmp_path, no_download)


def test_the_flag_goes_before_the_environment_and_that_before_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_flag, by_variable = make(tmp_path / "a", ML_100K), make(tmp_path / "b", ML_1M)
    monkeypatch.setenv(MOVIELENS_DIR, str(by_variable))
    assert locate(None, by_flag, no_download) == by_flag
    assert locate(None, None, no_download) == by_variable
    assert locate("ml-1m", None, no_download) == by_variable


def test_a_named_data_set_that_the_environment_does_not_hold_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, fetched = make(tmp_path / "ml-25m", ML_CSV), make(tmp_path / "cache" / "ml-20m", ML_CSV)
    monkeypatch.setenv(MOVIELENS_DIR, str(here))
    downloaded: list[str] = []

    def download(name: str) -> Path:
        downloaded.append(name)
        return fetched

    # 20m and 25m have the same files; only the name of the folder distinguishes them.
    assert locate("ml-20m", None, download) == fetched
    assert locate("ml-25m", None, download) == here
    assert downloaded == ["ml-20m"]


@pytest.mark.parametrize("named_by", ["--data-dir", MOVIELENS_DIR])
def test_a_missing_folder_is_named_with_its_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_by: str
) -> None:
    missing = tmp_path / "missing"
    if named_by == MOVIELENS_DIR:
        monkeypatch.setenv(MOVIELENS_DIR, str(missing))
    with pytest.raises(DatasetError, match=f"missing, named by {named_by}, does not exist"):
        locate(None, missing if named_by == "--data-dir" else None, no_download)


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    empty = make(tmp_path / "empty", ())
    with pytest.raises(DatasetError, match="empty is empty"):
        locate(None, empty, no_download)
    with pytest.raises(
        DatasetError, match=r"photos.*does not hold a MovieLens data set.*u\.data, u\.item, u\.user"
    ):
        locate(None, make(tmp_path / "photos", ("a.jpg",)), no_download)
    with pytest.raises(DatasetError, match=r"ml-1m would also need users\.dat"):
        locate(None, make(tmp_path / "half", ML_1M[:2]), no_download)
    with pytest.raises(DatasetError, match=r"u\.data is not a folder|named by --data-dir, is not a folder"):
        locate(None, make(tmp_path / "whole", ML_100K) / "u.data", no_download)
    with pytest.raises(DatasetError, match=r"holds ml-100k files and not ml-1m"):
        locate("ml-1m", tmp_path / "whole", no_download)
    with pytest.raises(DatasetError, match="no data set 'ml-10k'"):
        locate("ml-10k", tmp_path / "whole", no_download)


def test_a_data_set_inside_that_lacks_a_file_is_named(tmp_path: Path) -> None:
    make(tmp_path / "ml-100k", ML_100K[:2])
    for dataset in (None, "ml-100k"):
        with pytest.raises(
            DatasetError, match=r"ml-100k does not hold a MovieLens data set: ml-100k.* u\.user$"
        ):
            locate(dataset, tmp_path, no_download)


def test_a_file_without_content_is_named(tmp_path: Path) -> None:
    folder = make(tmp_path / "ml-100k", ML_100K)
    (folder / "u.item").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"u\.item is empty"):
        locate(None, folder, no_download)


def test_a_file_that_breaks_off_within_a_row_is_named(tmp_path: Path) -> None:
    folder = make(tmp_path / "ml-100k", ML_100K)
    # Cut within the timestamp, the row would pass for a whole one.
    (folder / "u.data").write_bytes(b"1\t1\t5\t881250949\n1\t2\t3\t8812")
    with pytest.raises(DatasetError, match=r"u\.data is cut short"):
        locate(None, folder, no_download)


def test_reports_can_distinguish_the_sample_from_real_data(tmp_path: Path) -> None:
    write_sample(SampleSpec(ratings=1_000, users=50, movies=60), tmp_path / "any-name")
    assert dataset_label(tmp_path / "any-name") == "synthetic sample"
    assert dataset_label(make(tmp_path / "ml-1m", ML_1M)) == "ml-1m"
