"""Small worlds whose right answers are known."""

import numpy as np

from studies.data.split_data import SplitData, SplitRatings

USERS, MOVIES = 40, 20


def ids(prefix: str, count: int) -> np.ndarray:
    return np.array([f"{prefix}{number:03d}".encode() for number in range(count)])


def ratings(rows: list[tuple[int, int, float, int]]) -> SplitRatings:
    user, movie, stars, timestamp = zip(*rows, strict=True) if rows else ((), (), (), ())
    return SplitRatings(
        np.array(user, np.int64),
        np.array(movie, np.int64),
        np.array(stars, np.float64),
        np.array(timestamp, np.int64),
    )


def checkerboard() -> SplitData:
    """Everybody has watched the movies of their own colour, all but one, which is the eval split.

    Users and movies are even or odd. The movie left out is another one for each user.
    """
    train, evaluation = [], []
    for user in range(USERS):
        own = [movie for movie in range(MOVIES) if movie % 2 == user % 2]
        left_out = own[user // 2 % len(own)]
        for movie in own:
            (evaluation if movie == left_out else train).append((user, movie, 5.0, 1000 + movie))
    return SplitData(ids("u", USERS), ids("m", MOVIES), ratings(train), ratings(evaluation))


def likes_and_dislikes() -> SplitData:
    """A checkerboard of stars: 5 for the own colour, 1 for the other one, every seventh pair held out."""
    train, evaluation = [], []
    for user in range(USERS):
        for movie in range(MOVIES):
            stars = 5.0 if movie % 2 == user % 2 else 1.0
            (evaluation if (user * MOVIES + movie) % 7 == 0 else train).append((user, movie, stars, 1))
    return SplitData(ids("u", USERS), ids("m", MOVIES), ratings(train), ratings(evaluation))
