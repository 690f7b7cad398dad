"""A world whose right answer is known: two tastes, and everybody likes the movies of one of them."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

USERS, MOVIES, TASTES = 320, 28, 2
# How many movies of the own taste somebody has rated on average, and how many of the other. Were it the same
# number for all, the ratings beside the one that is requested would give its taste away.
OWN, OTHER = 10, 3
LIKED, DISLIKED = (4.0, 5.0), (1.0, 2.0)
GENRES = ("Comedy", "Horror")
FIRST = 1_000_000_000

Row = Mapping[str, Any]


def taste(number: int) -> int:
    """Of a user or a movie: they alternate."""
    return number % TASTES


def movies() -> list[Row]:
    """The catalogue. All but the id is the same, so nothing else can distinguish movies or their tastes."""
    return [
        {
            "movie_id": f"m{number}",
            "movie_title": "Film (1995)",
            "movie_genres": [GENRES[0]],
            "movie_release_year": 1995,
        }
        for number in range(MOVIES)
    ]


def ratings() -> list[Row]:
    """What each user has rated, the oldest first; no movie is more popular than its taste."""
    return [row for number in range(USERS) for row in _of_user(number)]


def unrated(user: int, rows: Sequence[Row]) -> tuple[set[str], set[str]]:
    """The movies of the own taste and of the other that a user has not rated."""
    seen = {row["movie_id"] for row in rows if row["user_id"] == f"u{user}"}
    left = [number for number in range(MOVIES) if f"m{number}" not in seen]
    own = {f"m{number}" for number in left if taste(number) == taste(user)}
    return own, {f"m{number}" for number in left} - own


def _of_user(user: int) -> Iterator[Row]:
    chance = random.Random(user)
    own = [number for number in range(MOVIES) if taste(number) == taste(user)]
    other = [number for number in range(MOVIES) if taste(number) != taste(user)]
    liked = sum(chance.random() < OWN / (OWN + OTHER) for _ in range(OWN + OTHER))
    rated = [
        *((number, LIKED) for number in chance.sample(own, liked)),
        *((number, DISLIKED) for number in chance.sample(other, OWN + OTHER - liked)),
    ]
    chance.shuffle(rated)
    catalogue = movies()
    history: dict[str, float] = {}
    for place, (number, scale) in enumerate(rated):
        stars = chance.choice(scale)
        yield {
            "user_id": f"u{user}",
            **catalogue[number],
            "user_rating": stars,
            "timestamp": FIRST + 1000 * place + user,
            "history_movie_ids": list(history),
            "history_ratings": list(history.values()),
        }
        history[f"m{number}"] = stars
