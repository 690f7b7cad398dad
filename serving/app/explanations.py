"""Why a film is in a list: what was liked near it, and where each stage placed it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from contracts.signatures import CANDIDATES
from serving.app.catalogue import CatalogueMovie, MovieCatalogue
from serving.app.model_calls import ModelCalls, ModelServerDownError
from serving.client import ServingError, raise_failures

if TYPE_CHECKING:
    from serving.app.film_lists import ListEntry

# Neighbours of a movie among which a watched film is looked for, and how many of those are shown.
_NEIGHBOURS: Final = 60
_SHOWN: Final = 2
# Movies whose neighbours are kept: they do not change within a version.
_KEPT: Final = 20_000

# Stars by movie, newest last.
Watched = Mapping[str, float]


@dataclass(frozen=True)
class Near:
    """A movie that was liked and is near another one.

    Attributes:
      movie: the liked one.
      stars: what it got.
      score: how near it is: the score of `similar_movies`, at most 1.
    """

    movie: CatalogueMovie
    stars: float
    score: float


class Explainer:
    """Adds reasons to the entries of a list; without an answer they stay as they are.

    Args:
      calls: of the model server.
    """

    def __init__(self, calls: ModelCalls) -> None:
        self._calls = calls
        self._lock = threading.Lock()
        self._neighbours: OrderedDict[tuple[int, str], dict[str, float]] = OrderedDict()

    def explained(
        self,
        entries: Sequence[ListEntry],
        version: int,
        user_id: str | None,
        watched: Watched,
        catalogue: MovieCatalogue,
    ) -> list[ListEntry]:
        """The entries with their reasons.

        Args:
          entries: what is shown.
          version: that made the list; reasons are from the same one.
          user_id: of a user whose list the recommender made; None where there was one stage.
          watched: by the user.
          catalogue: of the watched movies.
        """
        try:
            places = self.retrieval_places(user_id, version) if user_id else {}
            neighbours = self._of_all([entry.movie.movie_id for entry in entries], version) if watched else {}
        except (ModelServerDownError, ServingError):
            # A server that has the recommender alone, or has just changed versions.
            return list(entries)
        # A film that was not liked does not explain one like it.
        liked = {movie: stars for movie, stars in watched.items() if stars >= catalogue.liked}
        movies = catalogue.movies(liked)
        return [
            replace(
                entry,
                retrieval_place=places.get(entry.movie.movie_id),
                near=_nearest(neighbours.get(entry.movie.movie_id, {}), liked, movies),
            )
            for entry in entries
        ]

    def retrieval_places(self, user_id: str, version: int) -> dict[str, int]:
        """Where the first stage placed the candidates, from 1.

        Raises:
          ModelServerDownError: the server does not answer.
          ServingError: it does not have that version of retrieval.
        """
        found = self._calls.send(
            "retrieve", lambda client: client.retrieve(user_id, CANDIDATES, version=version)
        )
        return {movie.movie_id: place for place, movie in enumerate(found.movies, start=1)}

    def _of_all(self, movie_ids: Sequence[str], version: int) -> dict[str, dict[str, float]]:
        """Scores of the neighbours of each movie, by id."""
        with self._lock:
            found = {
                movie: self._neighbours[version, movie]
                for movie in movie_ids
                if (version, movie) in self._neighbours
            }
        missing = [movie for movie in movie_ids if movie not in found]
        if missing:
            answers = self._calls.send(
                "similar_movies",
                lambda client: raise_failures(client.similar_many(missing, _NEIGHBOURS, version=version)),
            )
            for movie, answer in zip(missing, answers, strict=True):
                found[movie] = {each.movie_id: each.score for each in answer.movies}
            with self._lock:
                self._neighbours.update(((version, movie), found[movie]) for movie in missing)
                while len(self._neighbours) > _KEPT:
                    self._neighbours.popitem(last=False)
        return found


def _nearest(
    neighbours: Mapping[str, float], liked: Watched, movies: Mapping[str, CatalogueMovie]
) -> tuple[Near, ...]:
    near = [
        Near(movies[movie], liked[movie], score)
        for movie, score in neighbours.items()
        if movie in liked and movie in movies
    ]
    return tuple(sorted(near, key=lambda each: -each.score)[:_SHOWN])
