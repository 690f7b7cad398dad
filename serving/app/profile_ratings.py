"""Rows of raw features for people whom the models have never seen."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from contracts import features
from serving.app.catalogue import CatalogueMovie, CatalogueUser
from serving.app.visitors import NewProfile, Visitor
from serving.client.examples import Feature


def profile_rows(
    visitor: Visitor,
    user: CatalogueUser | None,
    watched: Mapping[str, float],
    movies: Sequence[CatalogueMovie],
) -> list[dict[str, Feature]]:
    """One row of raw features for each movie: who asks, what they rated, and the movie.

    Args:
      visitor: whose profile and number it is.
      user: the same user in the data, None for a new one.
      watched: stars by movie, newest last.
      movies: the movies to rate.
    """
    profile = NewProfile(user.age, user.gender, user.occupation) if user else visitor.profile
    own: dict[str, Feature] = {
        features.USER_ID: visitor.user_id,
        features.TIMESTAMP: int(time.time()),
        features.HISTORY_MOVIE_IDS: list(watched),
        features.HISTORY_RATINGS: [float(stars) for stars in watched.values()],
    }
    if profile.age is not None:
        own[features.RAW_USER_AGE] = float(profile.age)
        own[features.BUCKETIZED_USER_AGE] = float(
            max(
                (edge for edge in features.AGE_BUCKETS if edge <= profile.age),
                default=features.AGE_BUCKETS[0],
            )
        )
    if profile.gender is not None:
        own[features.USER_GENDER] = profile.gender
    if profile.occupation is not None:
        own[features.USER_OCCUPATION_TEXT] = profile.occupation
    return [{**own, **_of_movie(movie)} for movie in movies]


def _of_movie(movie: CatalogueMovie) -> dict[str, Feature]:
    row: dict[str, Feature] = {
        features.MOVIE_ID: movie.movie_id,
        features.MOVIE_TITLE: movie.title,
        features.MOVIE_GENRES: list(movie.genres),
    }
    if movie.year is not None:
        row[features.MOVIE_RELEASE_YEAR] = movie.year
    return row
