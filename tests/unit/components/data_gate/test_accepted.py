"""What was accepted before: which entry is compared with, and when a decision can be reused."""

import json
from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data_gate.accepted import ENTRY_FILE, AcceptedData, DamagedEntryError
from distances.measure import Values

FIRST, SECOND, THIRD = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def store(tmp_path: Path) -> AcceptedData:
    return AcceptedData(str(tmp_path / "accepted"), "ml-100k", "temporal-0.2")


def accept(store: AcceptedData, data: str, rows: int = 10) -> None:
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    statistics.datasets.add(num_examples=rows)
    distributions = {"train": {"user_rating": Values(rows, {"3": rows})}}
    store.accept(data, {"ratings": rows}, {("ratings", "train"): statistics}, "run-1", distributions)


def test_nothing_is_compared_in_a_first_run(store: AcceptedData) -> None:
    assert store.baseline(FIRST) is None
    assert store.fingerprint(FIRST) == "none none"


def test_other_data_is_compared_with_the_newest_accepted(store: AcceptedData) -> None:
    accept(store, FIRST, 10)
    accept(store, SECOND, 20)

    entry = store.baseline(THIRD)

    assert entry is not None
    assert (entry.about["data"], entry.about["volume"], entry.about["run"]) == (
        SECOND,
        {"ratings": 20},
        "run-1",
    )
    statistics = entry.statistics("ratings", "train")
    assert statistics is not None
    assert statistics.datasets[0].num_examples == 20
    assert entry.statistics("movies", "all") is None
    assert entry.distributions() == {"train": {"user_rating": Values(20, {"3": 20})}}


def test_a_second_run_on_the_same_data_compares_with_what_the_first_compared_with(
    store: AcceptedData,
) -> None:
    accept(store, FIRST)
    before = store.fingerprint(SECOND)
    accept(store, SECOND)

    assert store.fingerprint(SECOND) == before
    accept(store, SECOND)
    assert len(list(Path(store.folder).iterdir())) == 2


def test_data_that_comes_back_is_compared_with_what_came_in_between(store: AcceptedData) -> None:
    accept(store, FIRST)
    before = store.fingerprint(FIRST)
    accept(store, SECOND)

    assert store.fingerprint(FIRST) != before
    baseline = store.baseline(FIRST)
    assert baseline is not None
    assert baseline.about["data"] == SECOND


def test_review_lets_one_set_of_data_pass_until_other_data_is_accepted(store: AcceptedData) -> None:
    accept(store, FIRST)
    before = store.fingerprint(SECOND)
    store.add_review(SECOND, "meant")

    assert store.fingerprint(SECOND) != before
    assert store.review(THIRD) is None
    review = store.review(SECOND)
    assert review is not None
    assert review.about["reason"] == "meant"

    reviewed = store.fingerprint(SECOND)
    accept(store, SECOND)
    assert store.fingerprint(SECOND) == reviewed
    accept(store, THIRD)
    assert store.review(SECOND) is None


def test_half_written_entry_does_not_count(store: AcceptedData) -> None:
    accept(store, FIRST)
    accept(store, SECOND)
    newest = max(Path(store.folder).iterdir())
    (newest / ENTRY_FILE).rename(newest / f"{ENTRY_FILE}.partial")

    baseline = store.baseline(THIRD)

    assert baseline is not None
    assert baseline.about["data"] == FIRST
    accept(store, SECOND)
    assert (baseline := store.baseline(THIRD)) is not None
    assert baseline.about["data"] == SECOND


def test_series_and_split_rules_are_kept_apart(store: AcceptedData) -> None:
    accept(store, FIRST)
    other = AcceptedData(store.root, "ml-100k", "leave_last_out")

    assert other.baseline(SECOND) is None
    assert other.other_series() == ["ml-100k/temporal-0.2"]


def test_no_two_series_share_a_folder(store: AcceptedData) -> None:
    names = ("数据", "电影", "ml latest", "ml_latest", "_", "", "..")
    stores = [AcceptedData(store.root, name, "random-0.2") for name in names]

    assert len({one.folder for one in stores}) == len(names)
    accept(stores[0], FIRST)
    assert [one.baseline(SECOND) is not None for one in stores] == [True] + [False] * 6


def test_name_of_a_series_is_no_path(tmp_path: Path) -> None:
    store = AcceptedData(str(tmp_path / "accepted"), "../ü x", "random-0.2")
    accept(store, FIRST)

    assert Path(store.folder).resolve().is_relative_to(tmp_path / "accepted")


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"\x0a\x00", "its bytes have changed"), (None, "it is gone")],
)
def test_damaged_statistics_are_refused_by_name(
    content: bytes | None, problem: str, store: AcceptedData
) -> None:
    accept(store, FIRST)
    [path] = Path(store.folder).glob("*/ratings-train.pb")
    path.unlink() if content is None else path.write_bytes(content)
    entry = store.baseline(SECOND)
    assert entry is not None

    with pytest.raises(DamagedEntryError, match=problem) as error:
        entry.statistics("ratings", "train")

    assert str(path) in str(error.value)
    assert f"remove the folder {path.parent}" in str(error.value)


@pytest.mark.parametrize("content", ['{"at": "2026-01-', "[]", "{}"])
def test_a_damaged_entry_is_refused_by_name(content: str, store: AcceptedData) -> None:
    accept(store, FIRST)
    [path] = Path(store.folder).glob(f"*/{ENTRY_FILE}")
    path.write_text(content)

    with pytest.raises(DamagedEntryError) as error:
        store.baseline(SECOND)

    assert str(error.value).startswith(f"{path} is damaged (")


def test_statistics_that_an_earlier_version_kept_are_taken_as_they_are(store: AcceptedData) -> None:
    accept(store, FIRST, rows=7)
    [path] = Path(store.folder).glob(f"*/{ENTRY_FILE}")
    about = json.loads(path.read_text())
    del about["files"]
    path.write_text(json.dumps(about))

    entry = store.baseline(SECOND)

    assert entry is not None
    statistics = entry.statistics("ratings", "train")
    assert statistics is not None
    assert statistics.datasets[0].num_examples == 7
