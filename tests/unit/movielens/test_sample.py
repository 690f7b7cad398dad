import json
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from contracts.artifacts import SYNTHETIC_MARKER
from movielens import sample as sample_module
from movielens.check import check_folder
from movielens.layouts import Layout
from movielens.readers import parse_movies, parse_ratings, parse_users, read_lines
from movielens.records import DatasetError, Movie, Rating, Rejected, User, is_valid_zip
from movielens.sample import (
    PlantedWorld,
    SampleSpec,
    _choose,
    planted_world,
    rating_blocks,
    write_sample,
)

Ints = npt.NDArray[np.int64]
LATIN_1_LETTERS = set("éèâñóüÉ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "sample"
    write_sample(SampleSpec(), path)
    return path


@pytest.fixture(scope="module")
def world() -> PlantedWorld:
    return planted_world(SampleSpec())


@pytest.fixture(scope="module")
def rows(folder: Path) -> Ints:
    with (folder / "u.data").open("rb") as stream:
        records = [record for _, record in parse_ratings(read_lines(stream), Layout.ML_100K, "u.data")]
    return np.array(
        [
            (int(row.user_id), int(row.movie_id), int(row.rating), row.timestamp)
            for row in records
            if isinstance(row, Rating)
        ]
    )


def movies_of(folder: Path) -> list[Movie]:
    with (folder / "u.item").open("rb") as stream:
        records = [movie for _, movie in parse_movies(read_lines(stream), Layout.ML_100K, "u.item")]
    return [movie for movie in records if not isinstance(movie, Rejected)]


def users_of(folder: Path) -> list[User]:
    with (folder / "u.user").open("rb") as stream:
        records = [user for _, user in parse_users(read_lines(stream), Layout.ML_100K, "u.user")]
    return [user for user in records if not isinstance(user, Rejected)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_row_is_one_that_the_reader_takes(folder: Path) -> None:
    report = check_folder(folder)
    assert report.rows == Counter({"u.data": 50_000, "u.item": 800, "u.user": 700})
    assert not report.rejected


def test_nobody_rates_a_movie_twice_or_fewer_than_five(rows: Ints) -> None:
    assert len(np.unique(rows[:, :2], axis=0)) == len(rows) == 50_000
    assert np.bincount(rows[:, 0], minlength=701)[1:].min() >= 5


def test_some_movies_have_no_rating_and_a_tenth_have_a_third_of_them(rows: Ints) -> None:
    counts = np.sort(np.bincount(rows[:, 1], minlength=801)[1:])
    assert 3 <= (counts == 0).sum() <= 80
    assert counts[-80:].sum() > 0.3 * len(rows)


def test_the_order_of_choice_does_not_depend_on_the_version_of_numpy() -> None:
    chosen = _choose(np.zeros((2, 200), np.float32), np.array([50, 20]), np.random.default_rng(1))

    assert chosen[:50].tolist() == sorted(set(chosen[:50].tolist()))
    assert chosen[50:].tolist() == sorted(set(chosen[50:].tolist()))


def test_the_same_seed_gives_the_same_bytes_and_another_one_gives_others(
    folder: Path, tmp_path: Path
) -> None:
    write_sample(SampleSpec(), tmp_path / "again")
    write_sample(SampleSpec(seed=43), tmp_path / "other")
    assert contents(tmp_path / "again") == contents(folder)
    assert (tmp_path / "other" / "u.data").read_bytes() != (folder / "u.data").read_bytes()
    assert (tmp_path / "other" / "u.item").read_bytes() != (folder / "u.item").read_bytes()


def test_a_sample_written_block_by_block_keeps_the_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a sample of many millions goes through, in small: many blocks, each shuffled by itself.
    monkeypatch.setattr(sample_module, "_BLOCK_CELLS", 50 * 300)
    monkeypatch.setattr(sample_module, "_SHUFFLED_RATINGS", 0)
    spec = SampleSpec(ratings=10_000, users=210, movies=300)
    blocks = list(rating_blocks(planted_world(spec)))
    assert [len(np.unique(block[:, 0])) for block in blocks] == [50, 50, 50, 50, 10]
    write_sample(spec, tmp_path / "sample")
    report = check_folder(tmp_path / "sample")
    assert report.rows["u.data"] == 10_000
    assert not report.rejected
    pairs = np.concatenate(blocks)[:, :2]
    assert len(np.unique(pairs, axis=0)) == 10_000


def test_time_passes(rows: Ints, world: PlantedWorld) -> None:
    begin, end = rows[:, 3].min(), rows[:, 3].max()
    assert 600 < (end - begin) / 86_400 < 740
    # People come over the whole time, and more of them late.
    firsts = np.array([rows[rows[:, 0] == user, 3].min() for user in range(1, 701)])
    assert 0.2 < (firsts < (begin + end) / 2).mean() < 0.5
    # Pages of several movies are rated at the same second.
    stamps = Counter(map(tuple, rows[:, [0, 3]].tolist()))
    together = sum(count for count in stamps.values() if count > 1)
    assert 0.2 < together / len(rows) < 0.8
    # Nothing is rated before it is out.
    out = (
        datetime(1996, 1, 1, tzinfo=timezone.utc).timestamp()
        + 30 * 86_400 * world.arrival_month[rows[:, 1] - 1]
    )
    assert (rows[:, 3] >= out).all()


def test_popularity_drifts(rows: Ints) -> None:
    # Halves of one period agree on what is popular; the first and the last tenth agree less.
    ordered = rows[np.argsort(rows[:, 3], kind="stable"), 1]
    tenth = len(rows) // 10
    early, late = ordered[:tenth], ordered[-tenth:]

    def agreement(left: Ints, right: Ints) -> float:
        return float(np.corrcoef(np.bincount(left, minlength=801), np.bincount(right, minlength=801))[0, 1])

    assert agreement(early[::2], early[1::2]) > agreement(early, late) + 0.2


def test_what_happens_to_titles_and_zip_codes_in_real_files_happens_here(folder: Path) -> None:
    movies, users = movies_of(folder), users_of(folder)
    titles = Counter(movie.title for movie in movies)
    lines = (folder / "u.item").read_text(encoding="latin-1").splitlines()
    assert max(titles.values()) > 1
    assert any("," in title for title in titles)
    assert any('"' in title for title in titles)
    assert any(LATIN_1_LETTERS & set(title) for title in titles)
    assert any("(" not in title for title in titles)
    assert any(line.split("|")[1] != line.split("|")[1].strip() for line in lines)
    assert any(movie.genres == ("Unknown",) for movie in movies)
    messy = [user.zip_code for user in users if not is_valid_zip(user.zip_code)]
    assert 0 < len(messy) < 0.05 * len(users)
    assert any(code[0].isalpha() for code in messy)
    assert any(len(code) > 5 for code in messy)


def test_ratings_are_the_planted_ones_and_their_noise(rows: Ints, world: PlantedWorld) -> None:
    expected = np.clip(world.expected_rating(rows[:, 0], rows[:, 1]), 1, 5)
    rmse = np.sqrt(np.mean((rows[:, 2] - expected) ** 2))
    # Rounding to whole stars adds a twelfth to the variance of the noise, the limits take some away.
    assert rmse == pytest.approx(np.sqrt(world.noise_std**2 + 1 / 12), abs=0.06)
    # And taste is a large part of the signal.
    bias = rows[:, 2] - (expected - world.affinity(rows[:, 0], rows[:, 1]))
    assert np.std(bias) > rmse + 0.2
    # The ids can be texts, as records and Examples have them.
    texts = world.expected_rating(rows[:9, 0].astype(str), rows[:9, 1].astype(bytes))
    np.testing.assert_array_equal(texts, world.expected_rating(rows[:9, 0], rows[:9, 1]))


def test_people_watch_what_they_like(rows: Ints, world: PlantedWorld) -> None:
    everyone = np.arange(1, 701)
    any_pair = world.affinity(np.repeat(everyone, 800), np.tile(np.arange(1, 801), 700))
    assert any_pair.mean() == pytest.approx(0, abs=0.1)
    assert any_pair.std() == pytest.approx(1, abs=0.15)
    assert world.affinity(rows[:, 0], rows[:, 1]).mean() > 0.4


def test_genres_and_demographics_explain_part_of_taste(world: PlantedWorld) -> None:
    affinity = world.user_factors @ world.movie_factors.T

    def explained_by(groups: Ints, values: npt.NDArray[np.float32]) -> float:
        """Share of the variance that lies between the groups of rows."""
        means = {group: values[groups == group].mean(axis=0) for group in np.unique(groups)}
        between = np.array([means[group] for group in groups])
        return float(between.var() / values.var())

    random = np.random.default_rng(0)
    people = world.gender * 100 + world.occupation
    assert explained_by(people, affinity) > explained_by(random.permutation(people), affinity) + 0.1
    genre = world.genres.argmax(axis=1)
    assert explained_by(genre, affinity.T) > explained_by(random.permutation(genre), affinity.T) + 0.1


def alternating_least_squares(
    stars: npt.NDArray[np.float64], seen: npt.NDArray[np.float64], size: int = 4, penalty: float = 6.0
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Factors of users and movies whose products come close to the `stars` that were `seen`."""
    movies = 0.1 * np.random.default_rng(0).standard_normal((seen.shape[1], size))

    def solve(fixed: npt.NDArray[np.float64], targets: Any, known: Any) -> npt.NDArray[np.float64]:
        squares = (fixed[:, :, None] * fixed[:, None, :]).reshape(len(fixed), -1)
        left = (known @ squares).reshape(-1, size, size) + penalty * np.eye(size)
        return np.linalg.solve(left, (targets @ fixed)[:, :, None])[:, :, 0]

    for _ in range(15):
        users = solve(movies, stars, seen)
        movies = solve(users, stars.T, seen.T)
    return users, movies


def test_a_simple_collaborative_model_beats_popularity_and_biases(rows: Ints) -> None:
    """Held out: one rating in five."""
    held_out = np.random.default_rng(0).random(len(rows)) < 0.2
    train, test = rows[~held_out], rows[held_out]
    seen = np.zeros((701, 801))
    seen[train[:, 0], train[:, 1]] = 1

    # EASE (Steck, 2019, https://arxiv.org/abs/1905.03375).
    inverse = np.linalg.inv(seen.T @ seen + 200 * np.eye(801))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    popularity = np.tile(seen.sum(axis=0), (701, 1))

    def hits(scores: npt.NDArray[np.float64]) -> float:
        top = np.argsort(-np.where(seen > 0, -np.inf, scores), axis=1)[:, :10]
        return float(np.mean([movie in top[user] for user, movie in test[:, :2]]))

    assert hits(seen @ weights) > 1.3 * hits(popularity)

    stars = np.zeros((701, 801))
    stars[train[:, 0], train[:, 1]] = train[:, 2]
    movie_bias = (stars.sum(axis=0) + 5 * 3.5) / (seen.sum(axis=0) + 5)
    left = (stars - movie_bias) * seen
    user_bias = left.sum(axis=1) / (seen.sum(axis=1) + 5)
    left = (left - user_bias[:, None]) * seen
    users, movies = alternating_least_squares(left, seen)

    def rmse(predicted: npt.NDArray[np.float64]) -> float:
        return float(np.sqrt(np.mean((test[:, 2] - predicted[test[:, 0], test[:, 1]]) ** 2)))

    biases = movie_bias + user_bias[:, None]
    assert rmse(biases + users @ movies.T) < rmse(biases) - 0.08


def test_the_folder_is_marked_as_synthetic(folder: Path) -> None:
    marker = json.loads((folder / SYNTHETIC_MARKER).read_text())
    assert marker == {"synthetic sample": {"ratings": 50_000, "users": 700, "movies": 800, "seed": 42}}


@pytest.mark.parametrize(
    ("ratings", "users", "movies"), [(10_000, 164, 358), (50_000, 700, 800), (10_000_000, 82_419, 11_314)]
)
def test_default_sizes(ratings: int, users: int, movies: int) -> None:
    assert SampleSpec.sized(ratings) == SampleSpec(ratings, users, movies)


def test_the_densest_sample_is_possible() -> None:
    spec = SampleSpec(ratings=20 * 60, users=60, movies=50)
    (block,) = rating_blocks(planted_world(spec))
    assert np.bincount(block[:, 0])[1:].tolist() == [20] * 60
    assert len(np.unique(block[:, :2], axis=0)) == 1_200


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"ratings": 200_000_000}, "at most 100,000,000 ratings"),
        ({"ratings": 10_000, "users": 5_000}, "25,000 to 1,600,000 ratings, not 10,000"),
        ({"ratings": 500_000}, "3,500 to 224,000 ratings, not 500,000"),
        ({"movies": 3}, "needs 50 movies"),
        ({"seed": -1}, "seed from 0 on"),
    ],
)
def test_sizes_that_do_not_go_together(spec: dict[str, int], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        SampleSpec(**spec)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(DatasetError, match="already there"):
        write_sample(SampleSpec(), tmp_path / "mine")
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "thesis.txt"]


def test_where_nothing_can_be_written_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot write a sample"):
        write_sample(SampleSpec(), tmp_path / "file" / "sample")
