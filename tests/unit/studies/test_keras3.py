"""The study of Keras 3: what both libraries are given, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from studies.__main__ import main
from studies.child import StudyError
from studies.data.split_data import SplitData
from studies.keras3.study import training
from tests.unit.studies.worlds import ids, ratings


def world(count: int) -> SplitData:
    rows = [(place % 40, place // 40, 3.0, place) for place in range(count)]
    return SplitData(ids("u", 40), ids("m", 60), ratings(rows), ratings([(0, 59, 3.0, 9999)]))


def test_every_epoch_goes_through_the_ratings_in_another_order() -> None:
    data = world(2048)

    values = training(data, seed=1, epochs=2)

    first, second = values["user"] * 60 + values["movie"].astype(int), values["user"][2:]
    assert values["user"].shape == (4, 1024)
    assert sorted(first[:2].ravel()) == sorted(data.train.user * 60 + data.train.movie)
    assert (values["user"][:2] != second).any()
    assert values["probability"].sum() >= 1


def test_the_same_seed_gives_the_same_weights_and_another_one_others() -> None:
    one, same, other = (training(world(1024), seed, 1) for seed in (1, 1, 2))

    assert one.keys() == same.keys()
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["users_0"], other["users_0"])
    assert [one[f"users_{place}"].shape for place in range(5)] == [(40, 64), (64, 64), (64,), (64, 32), (32,)]


def test_less_than_a_batch_is_refused() -> None:
    with pytest.raises(StudyError, match="1000 ratings"):
        training(world(1000), 1, 1)


def test_a_python_without_keras_rs_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,3.0,1\n1,2,3.0,2\n")
    (data / "movies.csv").write_text("movieId,title,genres\n1,A (1990),Drama\n2,B (1990),Drama\n")

    flags = [f"--data-dir={data}", f"--output={tmp_path}/work", "--keras3-python=absent/python"]

    assert main(["keras3", *flags]) == 1
    assert capsys.readouterr().err.startswith("error: absent/python is not an interpreter with keras")
