"""The real ML-100k: the counts that its README and the study give, and every single history."""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.movielens_example_gen.executor import MovieLensExampleGenExecutor
from contracts.features import MOVIES
from tests.unit.components.movielens_example_gen.tiny_data import Result, records, run

pytestmark = pytest.mark.slow

Pair = tuple[str, str]


class SeveralPieces(MovieLensExampleGenExecutor):
    """Five chunks and four shards."""

    chunk_bytes = 400_000
    rows_per_shard = 25_000


class Columns(NamedTuple):
    """A split, read column by column: 100,000 Examples as plain dictionaries would take a minute."""

    pairs: list[Pair]
    timestamps: npt.NDArray[np.int64]
    ages: npt.NDArray[np.float32]
    histories: list[list[bytes]]


def columns(result: Result, split: str) -> Columns:
    parsed = tf.io.parse_example(
        records(result.folder / f"Split-{split}"),
        {
            "user_id": tf.io.FixedLenFeature([], tf.string),
            "movie_id": tf.io.FixedLenFeature([], tf.string),
            "timestamp": tf.io.FixedLenFeature([], tf.int64),
            "raw_user_age": tf.io.FixedLenFeature([], tf.float32),
            "history_movie_ids": tf.io.RaggedFeature(tf.string),
        },
    )
    users, movies = parsed["user_id"].numpy().astype(str), parsed["movie_id"].numpy().astype(str)
    return Columns(
        list(zip(users.tolist(), movies.tolist(), strict=True)),
        parsed["timestamp"].numpy(),
        parsed["raw_user_age"].numpy(),
        parsed["history_movie_ids"].to_list(),
    )


def read_ratings(ml_100k: Path) -> list[tuple[Pair, int]]:
    """The (user, movie) pair and the timestamp of every line, read without the code under test."""
    fields = [line.split("\t") for line in (ml_100k / "u.data").read_text().splitlines()]
    return [((user, movie), int(timestamp)) for user, movie, _, timestamp in fields]


def check_histories(
    splits: Sequence[Columns], ratings: list[tuple[Pair, int]], usable: Collection[Pair]
) -> None:
    """By the definition: the last 50 usable ratings before each one; those of one second in some order."""
    moments = dict(ratings)
    times: dict[str, list[int]] = {}
    for (user, _), timestamp in sorted(
        (rating for rating in ratings if rating[0] in usable), key=itemgetter(1)
    ):
        times.setdefault(user, []).append(timestamp)
    places: dict[tuple[str, int], list[int]] = {}
    for pair, history in chain.from_iterable(
        zip(split.pairs, split.histories, strict=True) for split in splits
    ):
        user, now = pair[0], moments[pair]
        remembered = [(user, movie.decode()) for movie in history]
        assert len({*remembered, pair}) == len(history) + 1
        assert all(other in usable for other in remembered)
        found = [moments[other] for other in remembered]
        together = found.count(now)
        own = times.get(user, [])
        assert found == [*own[: bisect_left(own, now)], *[now] * together][-50:]
        if pair in usable:
            places.setdefault((user, now), []).append(together)
    for together_of_second in places.values():
        assert sorted(together_of_second) == [min(place, 50) for place in range(len(together_of_second))]


def test_last_out(ml_100k: Path, tmp_path: Path) -> None:
    result = run(ml_100k, tmp_path / "out", executor=SeveralPieces)
    properties = result.properties
    assert properties["rows_read"] == 100_000
    assert properties["rows_rejected"] == properties["rows_dropped"] == 0
    assert properties["users"] == 943
    assert properties["movies"] == 1682
    assert properties["examples_eval"] == 943
    assert properties["examples_train"] == 99_057

    ratings = read_ratings(ml_100k)
    last = {pair[0]: pair for pair, _ in sorted(ratings, key=lambda rating: rating[1])}
    train, evaluation = columns(result, "train"), columns(result, "eval")
    assert set(evaluation.pairs) == set(last.values())
    check_histories([train, evaluation], ratings, {pair for pair, _ in ratings})


def test_movies(ml_100k: Path, tmp_path: Path) -> None:
    movies = run(ml_100k, tmp_path / "out", table=MOVIES).splits["all"]
    assert len({movie["movie_id"][0] for movie in movies}) == len(movies) == 1682
    # Eighteen titles occur twice: ids identify.
    assert len({movie["movie_title"][0] for movie in movies}) == 1664


def test_temporal_and_the_wrangling_of_the_study(ml_100k: Path, tmp_path: Path) -> None:
    result = run(ml_100k, tmp_path / "out", split="temporal", invalid_zip="drop")
    train, evaluation = columns(result, "train"), columns(result, "eval")
    assert len(train.pairs) + len(evaluation.pairs) == 97_914
    assert len(train.pairs) == round(0.8 * 97_914)
    assert result.properties["rows_dropped"] == 100_000 - 97_914
    assert train.timestamps.max() <= evaluation.timestamps.min()
    ages = np.concatenate([train.ages, evaluation.ages]).astype(np.float64)
    assert (round(ages.mean(), 1), round(ages.std(), 1)) == (33.0, 11.6)


def test_an_official_fold_is_what_its_files_hold(ml_100k: Path, tmp_path: Path) -> None:
    result = run(ml_100k, tmp_path / "out", executor=SeveralPieces, split="official_fold", fold=3)
    expected = {
        part: {tuple(line.split("\t")[:2]) for line in (ml_100k / f"u3.{part}").read_text().splitlines()}
        for part in ("base", "test")
    }
    train, evaluation = columns(result, "train"), columns(result, "eval")
    assert (len(train.pairs), len(evaluation.pairs)) == (80_000, 20_000)
    assert set(train.pairs) == expected["base"]
    assert set(evaluation.pairs) == expected["test"]
    check_histories([train, evaluation], read_ratings(ml_100k), set(train.pairs))


def test_the_permutation_of_the_study(ml_100k: Path, tmp_path: Path) -> None:
    result = run(ml_100k, tmp_path / "out", executor=SeveralPieces, split="random", random_rule="permutation")
    ratings = read_ratings(ml_100k)
    order = np.random.RandomState(42).permutation(100_000)
    trains = {ratings[row][0] for row in order[:80_000]}
    train, evaluation = columns(result, "train"), columns(result, "eval")
    assert set(train.pairs) == trains
    assert set(evaluation.pairs) == {ratings[row][0] for row in order[80_000:]}
    check_histories([train, evaluation], ratings, trains)
