"""The planted truth behind the synthetic sample: who likes what, what is popular when, how people rate.

The world is small beside the ratings (one row per user and one per movie), and a pure function of the
`SampleSpec`, so a test can rebuild it and measure how much of it a model found.

    affinity(u, m)  = p_u . q_m                                  (standard normal over users)
    rating(u, m)    = mean + b_u + b_m + TASTE_STD affinity + noise,  rounded to 1..5 stars
    choice(u, m)    ~ exp(log popularity of m in the month u joined + CHOICE_TASTE affinity)

Most of a movie's taste comes from its genres and a third of a user's from gender, age and occupation;
the rest is theirs alone, and only ratings reveal it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from movielens.layouts import ML_100K_GENRES
from movielens.records import AGE_BUCKET_EDGES, DatasetError, bucketize_age

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

TASTES: Final = 4
MEAN_RATING: Final = 2.7
USER_BIAS_STD: Final = 0.35
MOVIE_BIAS_STD: Final = 0.35
TASTE_STD: Final = 1.0
NOISE_STD: Final = 0.65
CHOICE_TASTE: Final = 1.25
GENRE_SHARE: Final = 0.6
DEMOGRAPHIC_SHARE: Final = 0.35
# How much of a movie's bias goes with its popularity: what many watch is liked a little more.
POPULAR_SHARE: Final = 0.3

MONTHS: Final = 24
# Of the catalogue, what comes out in the course of those months; the rest is there from the start.
NEW_MOVIES: Final = 0.25
# Of the catalogue, what nobody rates.
UNRATED_MOVIES: Final = 0.01
LEAST_RATINGS_PER_USER: Final = 5
# No user rates more than this share of the catalogue, which leaves everyone something to discover.
MOST_OF_CATALOGUE: Final = 0.4

# The names of u.occupation, and how common each is; the first are the young ones.
OCCUPATIONS: Final = {
    "student": 20,
    "none": 1,
    "other": 11,
    "administrator": 8,
    "artist": 3,
    "doctor": 1,
    "educator": 10,
    "engineer": 7,
    "entertainment": 2,
    "executive": 3,
    "healthcare": 2,
    "homemaker": 1,
    "lawyer": 1,
    "librarian": 5,
    "marketing": 3,
    "programmer": 7,
    "retired": 1,
    "salesman": 1,
    "scientist": 3,
    "technician": 3,
    "writer": 5,
}
# How common each of `ML_100K_GENRES` is; "Unknown" is left to movies without a genre.
_GENRE_WEIGHTS: Final = (0, 25, 14, 4, 12, 50, 11, 5, 72, 2, 2, 9, 6, 6, 25, 10, 25, 7, 3)

_USERS_STREAM, _MOVIES_STREAM = 0, 1


@dataclass(frozen=True, slots=True)
class SampleSpec:
    """How big a sample is. `SampleSpec.sized` picks users and movies to go with a number of ratings.

    Raises:
      DatasetError: The numbers do not go together, or are past 100 million ratings.
    """

    ratings: int = 50_000
    users: int = 700
    movies: int = 800
    seed: int = 42

    def __post_init__(self) -> None:
        """Checks that the numbers go together."""
        if self.ratings > 100_000_000:
            raise DatasetError(f"a sample has at most 100,000,000 ratings, not {self.ratings:,}")
        if self.movies < 50 or self.users < 1 or self.seed < 0:
            raise DatasetError(
                f"a sample needs 50 movies, a user and a seed from 0 on, not {self.movies:,} movies, "
                f"{self.users:,} users and seed {self.seed}"
            )
        least, most = LEAST_RATINGS_PER_USER * self.users, self.most_per_user * self.users
        if not least <= self.ratings <= most:
            raise DatasetError(
                f"{self.users:,} users and {self.movies:,} movies go with {least:,} to {most:,} ratings, "
                f"not {self.ratings:,}: change the number of ratings, users or movies"
            )

    @classmethod
    def sized(
        cls, ratings: int, users: int | None = None, movies: int | None = None, seed: int = 42
    ) -> "SampleSpec":
        """A spec for `ratings` ratings.

        Users default to 700 (ratings / 50,000)^0.9 and movies to 800 (ratings / 50,000)^0.5, which gives
        10 million ratings 82,000 users and 11,000 movies, about as MovieLens 10M has.
        """
        scale = max(ratings, 1) / 50_000
        return cls(
            ratings,
            round(700 * scale**0.9) if users is None else users,
            max(50, round(800 * scale**0.5)) if movies is None else movies,
            seed,
        )

    @property
    def most_per_user(self) -> int:
        """The most ratings that one user gives."""
        return int(MOST_OF_CATALOGUE * self.movies)

    def random(self, *stream: int) -> np.random.Generator:
        """A random stream of its own, the same for the same seed and `stream` whatever else was drawn."""
        return np.random.default_rng([self.seed, *stream])


@dataclass(frozen=True)
class PlantedWorld:
    """The truth of one sample; row i of an array belongs to id i + 1.

    Users: `user_factors` [U, K], `user_bias` [U], `join_month` [U], `gender` [U] (0 female, 1 male),
    `age` [U] (years), `occupation` [U] (index into `OCCUPATIONS`). Movies: `movie_factors` [M, K],
    `movie_bias` [M], `genres` [M, 19] bool, `arrival_month` [M] (0: there from the start), `log_popularity`
    [MONTHS, M], minus infinity where a movie is not out yet and for those that nobody rates.
    """

    spec: SampleSpec
    user_factors: Floats
    user_bias: Floats
    join_month: Ints
    gender: Ints
    age: Ints
    occupation: Ints
    movie_factors: Floats
    movie_bias: Floats
    genres: npt.NDArray[np.bool_]
    arrival_month: Ints
    log_popularity: Floats

    # The standard deviation of ratings around `expected_rating`, before they are rounded to stars.
    noise_std: float = NOISE_STD

    def affinity(self, user_ids: npt.ArrayLike, movie_ids: npt.ArrayLike) -> Floats:
        """How much each user likes each movie beyond biases; ids [N] (numbers or their texts), result [N]."""
        users, movies = _rows(user_ids), _rows(movie_ids)
        affinity: Floats = np.einsum("nk,nk->n", self.user_factors[users], self.movie_factors[movies])
        return affinity

    def expected_rating(self, user_ids: npt.ArrayLike, movie_ids: npt.ArrayLike) -> Floats:
        """The rating before noise, rounding and the limits of the scale; ids [N], result [N] in stars."""
        bias = MEAN_RATING + self.user_bias[_rows(user_ids)] + self.movie_bias[_rows(movie_ids)]
        return np.asarray(bias + TASTE_STD * self.affinity(user_ids, movie_ids), np.float32)

    def choice_logits(self, user_ids: npt.ArrayLike) -> Floats:
        """Log weights by which each user picks movies, one after the other; ids [B], result [B, M]."""
        users = _rows(user_ids)
        logits = self.user_factors[users] @ (CHOICE_TASTE * self.movie_factors.T)
        logits += self.log_popularity[self.join_month[users]]
        return logits


def planted_world(spec: SampleSpec) -> PlantedWorld:
    """Builds the world of a sample from its spec alone."""
    random = spec.random(_MOVIES_STREAM)
    genres = _genres(spec.movies, random)
    genre_factors = random.standard_normal((len(ML_100K_GENRES), TASTES))
    from_genres = _unit(genres @ genre_factors + 1e-9)
    own = _unit(random.standard_normal((spec.movies, TASTES)))
    # Unit length, so that affinity varies as much over users for every movie.
    movie_factors = _unit(np.sqrt(GENRE_SHARE) * from_genres + np.sqrt(1 - GENRE_SHARE) * own)
    arrival = np.where(
        random.random(spec.movies) < NEW_MOVIES, random.integers(1, MONTHS, spec.movies), 0
    ).astype(np.int64)
    log_popularity = _log_popularity(arrival, random)
    by_popularity = _standard(log_popularity[-1])
    movie_bias = MOVIE_BIAS_STD * (
        np.sqrt(POPULAR_SHARE) * by_popularity
        + np.sqrt(1 - POPULAR_SHARE) * random.standard_normal(spec.movies)
    )
    unrated = random.permutation(spec.movies)[: max(3, int(UNRATED_MOVIES * spec.movies))]
    log_popularity[:, unrated] = -np.inf

    random = spec.random(_USERS_STREAM)
    # Membership grows: more people join late than early. The last month is kept for coming back.
    join = ((MONTHS - 1) * random.random(spec.users) ** 0.7).astype(np.int64)
    gender = (random.random(spec.users) < 0.7).astype(np.int64)
    weights = np.array(list(OCCUPATIONS.values()), float)
    occupation = random.choice(len(weights), spec.users, p=weights / weights.sum())
    age = np.where(occupation < 2, random.normal(21, 4, spec.users), random.normal(37, 11, spec.users))
    age = np.clip(np.rint(age), 7, 73).astype(np.int64)
    return PlantedWorld(
        spec=spec,
        user_factors=_user_factors(gender, age, occupation, random),
        user_bias=np.asarray(USER_BIAS_STD * random.standard_normal(spec.users), np.float32),
        join_month=join,
        gender=gender,
        age=age,
        occupation=occupation,
        movie_factors=np.asarray(movie_factors, np.float32),
        movie_bias=np.asarray(movie_bias, np.float32),
        genres=genres,
        arrival_month=arrival,
        log_popularity=np.asarray(log_popularity, np.float32),
    )


def _genres(movies: int, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """One to three genres a movie, and "Unknown" for one in two hundred."""
    weights = np.array(_GENRE_WEIGHTS, float)
    with np.errstate(divide="ignore"):
        keys = random.gumbel(size=(movies, len(weights))) + np.log(weights)
    ranks = np.argsort(np.argsort(-keys, axis=1), axis=1)
    genres = ranks < random.choice([1, 2, 3], movies, p=[0.5, 0.35, 0.15])[:, None]
    unknown = random.random(movies) < 0.005
    genres[unknown] = False
    genres[unknown, 0] = True
    return np.asarray(genres, np.bool_)


def _log_popularity(arrival: Ints, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Zipf-Mandelbrot over the catalogue, rising or falling by the month, with a rush for what is new."""
    movies = len(arrival)
    month = np.arange(MONTHS)[:, None]
    rank = random.permutation(movies)
    trend = random.standard_normal(movies) * (month / (MONTHS - 1) - 0.5)
    age = np.maximum(month - arrival, 0)
    rush = np.where(arrival > 0, 1.5 * np.exp(-age / 3.0), 0.0)
    log_popularity = -1.1 * np.log(rank + 0.03 * movies) + trend + rush
    log_popularity[month < arrival] = -np.inf
    return np.asarray(log_popularity)


def _user_factors(gender: Ints, age: Ints, occupation: Ints, random: np.random.Generator) -> Floats:
    bucket = np.searchsorted(AGE_BUCKET_EDGES, [bucketize_age(years) for years in age])
    groups = [(gender, 2), (bucket, len(AGE_BUCKET_EDGES)), (occupation, len(OCCUPATIONS))]
    shared = sum(random.standard_normal((count, TASTES))[member] for member, count in groups)
    own = random.standard_normal((len(gender), TASTES))
    factors = np.sqrt(DEMOGRAPHIC_SHARE / len(groups)) * shared + np.sqrt(1 - DEMOGRAPHIC_SHARE) * own
    return np.asarray(factors, np.float32)


def _unit(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _standard(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray((values - values.mean()) / values.std())


def _rows(ids: npt.ArrayLike) -> Ints:
    return np.asarray(ids).astype(np.int64) - 1
