"""The synthetic sample as raw Examples: a train split, held-out ratings, and the best possible prediction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from movielens.layouts import ML_100K_GENRES
from movielens.records import bucketize_age
from movielens.sample import PlantedWorld, SampleSpec, planted_world, rating_blocks
from movielens.world import OCCUPATIONS
from tests.unit.trainer_module.tiny_world import Row

SPEC = SampleSpec(ratings=30_000, users=300, movies=400)
HELD_OUT_SHARE = 0.1
HISTORY_LENGTH = 30


@dataclass(frozen=True)
class PlantedSample:
    """Rows in the order of time.

    Attributes:
      movies: the catalogue.
      train: what models learn from.
      held_out: a random share of the ratings of everybody.
      expected: of each held-out rating, in stars, before noise and rounding, within the scale.
    """

    movies: Sequence[Row]
    train: Sequence[Row]
    held_out: Sequence[Row]
    expected: npt.NDArray[np.float32]


def planted_sample() -> PlantedSample:
    """Cuts the ratings of `SPEC`; histories hold ratings of the train split alone."""
    world = planted_world(SPEC)
    rows = np.concatenate(list(rating_blocks(world)))
    rows = rows[np.argsort(rows[:, 3], kind="stable")]
    chosen = np.random.default_rng(1).random(len(rows)) < HELD_OUT_SHARE
    movies = [_movie(world, number) for number in range(1, SPEC.movies + 1)]
    histories: dict[int, dict[str, float]] = {}
    split: dict[bool, list[Row]] = {False: [], True: []}
    for (user, movie, stars, seconds), is_held_out in zip(rows.tolist(), chosen.tolist(), strict=True):
        history = histories.setdefault(user, {})
        split[is_held_out].append(
            {
                **_user(world, user),
                **movies[movie - 1],
                "user_rating": float(stars),
                "timestamp": seconds,
                "history_movie_ids": list(history)[-HISTORY_LENGTH:],
                "history_ratings": list(history.values())[-HISTORY_LENGTH:],
            }
        )
        if not is_held_out:
            history[str(movie)] = float(stars)
    expected = np.clip(world.expected_rating(rows[chosen, 0], rows[chosen, 1]), 1, 5)
    return PlantedSample(movies, split[False], split[True], expected)


def _movie(world: PlantedWorld, number: int) -> dict[str, Any]:
    """Titles and years carry no information."""
    genres = [ML_100K_GENRES[genre] for genre in np.flatnonzero(world.genres[number - 1])]
    return {
        "movie_id": str(number),
        "movie_title": "Film (1995)",
        "movie_genres": genres,
        "movie_release_year": 1995,
    }


def _user(world: PlantedWorld, number: int) -> dict[str, Any]:
    age = float(world.age[number - 1])
    return {
        "user_id": str(number),
        "raw_user_age": age,
        "bucketized_user_age": bucketize_age(age),
        "user_gender": ("Female", "Male")[world.gender[number - 1]],
        "user_occupation_text": list(OCCUPATIONS)[world.occupation[number - 1]],
    }
