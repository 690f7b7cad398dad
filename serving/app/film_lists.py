"""The lists that people see: from the model server, and from the catalogue where that does not answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

import grpc

from contracts.signatures import CANDIDATES
from serving.app.catalogue import CatalogueMovie, CatalogueUser, MovieCatalogue, MovieFilter
from serving.app.explanations import Explainer, Near, Watched
from serving.app.model_calls import ModelCalls, ModelServerDownError
from serving.app.profile_ratings import profile_rows
from serving.app.published import PublishedModels
from serving.app.variants import Variants
from serving.app.visitors import Visitor
from serving.client import Client, MovieList, Recommendation, RecommendedMovie, ScoredMovie, ServingError

# Movies to request where a filter takes most of them away.
_FILTERED: Final = 500
# Movies of the newest history that `recommend_from_history` gets.
_HISTORY: Final = 50

# Where a list comes from: the user's list of the recommender; the films of a session; what is popular, in the
# order of the ratings predicted for a profile or as it is; the catalogue, without a model.
Source = Literal["served", "history", "profile", "popular", "catalogue"]
_T = TypeVar("_T")


@dataclass(frozen=True)
class ListEntry:
    """A movie of a list.

    Attributes:
      movie: the movie.
      place: in the whole list, from 1.
      stars: the predicted rating, None if there is none.
      retrieval_place: where the first stage placed it, None if that is not known.
      near: movies that were liked and are nearest to it, the nearest first.
    """

    movie: CatalogueMovie
    place: int
    stars: float | None = None
    retrieval_place: int | None = None
    near: tuple[Near, ...] = ()


@dataclass(frozen=True)
class FilmList:
    """A part of a list.

    Attributes:
      entries: the movies.
      total: how many the whole list has.
      source: where it comes from.
      version: of the model that made it, None if none did.
      variant: the label whose version made it, None where nothing is compared or the server lacks the label.
      notice: what is missing and why, None if all is well.
      ranked: how many of the whole list a model ordered, where others of the kind that was asked for follow.
    """

    entries: tuple[ListEntry, ...]
    total: int
    source: Source
    version: int | None = None
    variant: str | None = None
    notice: str | None = None
    ranked: int | None = None


class FilmLists:
    """Makes the lists. Threads may share one.

    Args:
      calls: of the model server.
      published: catalogues.
      variants: which label a user gets.
    """

    def __init__(self, calls: ModelCalls, published: PublishedModels, variants: Variants) -> None:
        self._calls = calls
        self._published = published
        self._variants = variants
        self._explainer = Explainer(calls)

    def for_you(self, visitor: Visitor, wanted: MovieFilter, limit: int, offset: int = 0) -> FilmList:
        """The list for somebody, with the reasons."""
        catalogue = self._published.catalogue()
        user = catalogue.user(visitor.user_id) if visitor.known else None
        watched = _watched(visitor, user)
        left_out = {*visitor.hidden, *watched}
        try:
            whole = self._from_models(visitor, user, watched, catalogue, bool(wanted))
        except (ModelServerDownError, ServingError) as error:
            whole = _from_catalogue(catalogue, wanted, left_out, offset + limit, str(error))
        fresh = [entry for entry in whole.entries if entry.movie.movie_id not in left_out]
        placed = [replace(entry, place=place) for place, entry in enumerate(fresh, start=1)]
        kept = [entry for entry in placed if wanted.allows(entry.movie)]
        total = whole.total if whole.source == "catalogue" else len(kept)
        if wanted and whole.source != "catalogue":
            whole = replace(whole, ranked=total)
            others, total = _others(kept, len(placed), catalogue, wanted, left_out, offset + limit)
            kept += others
        shown = kept[offset : offset + limit]
        if whole.version is not None:
            shown = self._explainer.explained(
                shown,
                whole.version,
                visitor.user_id if whole.source == "served" else None,
                watched,
                catalogue,
            )
        return replace(whole, entries=tuple(shown), total=total)

    def similar(
        self, movie_id: str, visitor: Visitor, wanted: MovieFilter, limit: int, offset: int = 0
    ) -> FilmList:
        """The movies nearest to one; nothing but a notice where the model server does not answer."""
        try:
            found = self._calls.send("similar_movies", lambda client: client.similar(movie_id, CANDIDATES))
        except (ModelServerDownError, ServingError) as error:
            return FilmList((), 0, "catalogue", notice=str(error))
        catalogue = self._published.catalogue()
        entries = [
            entry
            for entry in _entries(found, catalogue)
            if entry.movie.movie_id not in visitor.hidden and wanted.allows(entry.movie)
        ]
        version = found.served_by.version
        return FilmList(tuple(entries[offset : offset + limit]), len(entries), "served", version)

    def because(self, visitor: Visitor, films: int, limit: int) -> list[tuple[CatalogueMovie, FilmList]]:
        """For each of the films that were liked last, unwatched ones like it."""
        catalogue = self._published.catalogue()
        watched = _watched(visitor, catalogue.user(visitor.user_id) if visitor.known else None)
        latest = _liked(watched, catalogue)[::-1][:films]
        rows = []
        for movie in map(catalogue.movie, latest):
            if movie is not None:
                found = self.similar(movie.movie_id, visitor, MovieFilter(), CANDIDATES)
                fresh = tuple(entry for entry in found.entries if entry.movie.movie_id not in watched)
                rows.append((movie, replace(found, entries=fresh[:limit], total=len(fresh))))
        return rows

    def _from_models(
        self,
        visitor: Visitor,
        user: CatalogueUser | None,
        watched: Watched,
        catalogue: MovieCatalogue,
        filtered: bool,
    ) -> FilmList:
        if visitor.ratings and (liked := _liked(watched, catalogue)):
            history = liked[-_HISTORY:]
            found, label = self._of_variant(
                "recommend_from_history",
                visitor,
                lambda client, version: client.retrieve_from_history(history, _FILTERED, version=version),
            )
            made_by = found.served_by.version
            whole = FilmList(tuple(_entries(found, catalogue)), 0, "history", made_by, label)
            return self._rated_for_profile(whole, visitor, user, watched)
        exclude = [*visitor.hidden, *visitor.ratings]
        k = _FILTERED if filtered else CANDIDATES
        best, label = self._of_variant(
            "recommend",
            visitor,
            lambda client, version: client.recommend(visitor.user_id, k, exclude=exclude, version=version),
        )
        source: Source = "served" if best.known_user else "popular"
        versions = set(best.versions.values())
        entries = tuple(_entries(best, catalogue))
        whole = FilmList(entries, 0, source, max(versions), label, best.degraded)
        if source == "popular" and (visitor.profile or visitor.ratings):
            rated = self._rated_for_profile(whole, visitor, user, watched)
            if rated.notice is None:
                return replace(_by_stars(rated), source="profile")
            return rated
        if source == "popular":
            # The rating that is predicted for nobody in particular is not one of theirs.
            return replace(whole, entries=tuple(replace(entry, stars=None) for entry in entries))
        return whole

    def _of_variant(
        self, kind: str, visitor: Visitor, call: Callable[[Client, str | None], _T]
    ) -> tuple[_T, str | None]:
        """The answer of the visitor's variant and its label, else that of the latest version and None."""
        label = self._variants.of_user(visitor.user_id)
        if label is not None:
            try:
                answer = self._calls.send(kind, lambda client: call(client, label))
            except ServingError as error:
                if error.code not in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT):
                    raise
                self._variants.lacks(label)
            else:
                self._variants.has(label)
                return answer, label
        return self._calls.send(kind, lambda client: call(client, None)), None

    def _rated_for_profile(
        self, whole: FilmList, visitor: Visitor, user: CatalogueUser | None, watched: Watched
    ) -> FilmList:
        """The list with the ratings that ranking predicts from the profile and from what was rated."""
        rows = profile_rows(visitor, user, watched, [entry.movie for entry in whole.entries])
        if not rows:
            return whole
        try:
            found = self._calls.send("rate_examples", lambda client: client.rate_examples(rows))
        except (ModelServerDownError, ServingError) as error:
            missing = tuple(replace(entry, stars=None) for entry in whole.entries)
            return replace(whole, entries=missing, notice=f"predicted stars are missing: {error}")
        pairs = zip(whole.entries, found.predicted_ratings, strict=True)
        return replace(whole, entries=tuple(replace(entry, stars=stars) for entry, stars in pairs))


def _watched(visitor: Visitor, user: CatalogueUser | None) -> Watched:
    """Stars by movie, newest last: the data's history, then this session."""
    history = dict(user.history) if user else {}
    return {
        **{movie: stars for movie, stars in history.items() if movie not in visitor.ratings},
        **visitor.ratings,
    }


def _liked(watched: Watched, catalogue: MovieCatalogue) -> list[str]:
    """The watched films that were liked: retrieval reads ids alone, so any other would count as liked too."""
    return [movie for movie, stars in watched.items() if stars >= catalogue.liked]


def _entries(found: MovieList | Recommendation, catalogue: MovieCatalogue) -> Sequence[ListEntry]:
    listed: Sequence[ScoredMovie | RecommendedMovie] = found.movies
    movies = catalogue.movies(each.movie_id for each in listed)
    return [
        ListEntry(
            # A movie of a version that is newer than the catalogue.
            movies.get(each.movie_id) or CatalogueMovie(each.movie_id, each.title, (), None, 0, None),
            place,
            getattr(each, "predicted_rating", None),
        )
        for place, each in enumerate(listed, start=1)
    ]


def _others(
    kept: Sequence[ListEntry],
    ranked: int,
    catalogue: MovieCatalogue,
    wanted: MovieFilter,
    left_out: set[str],
    limit: int,
) -> tuple[list[ListEntry], int]:
    """The most rated movies of a kind that follow those of a list, which has `ranked` movies of every kind.

    Returns:
      As many as `limit` movies take, and how many movies of the kind there are, those of the list among them.
    """
    there = {entry.movie.movie_id for entry in kept}
    of_kind, movies = catalogue.search("", wanted, limit + len(left_out) + len(there))
    others = [movie for movie in movies if movie.movie_id not in there | left_out]
    entries = [ListEntry(movie, place) for place, movie in enumerate(others, start=ranked + 1)]
    known = sum(map(wanted.allows, catalogue.movies(left_out).values()))
    return entries, max(of_kind - known, len(there))


def _by_stars(whole: FilmList) -> FilmList:
    ordered = sorted(whole.entries, key=lambda entry: -(entry.stars or 0.0))
    return replace(
        whole, entries=tuple(replace(entry, place=place) for place, entry in enumerate(ordered, start=1))
    )


def _from_catalogue(
    catalogue: MovieCatalogue,
    wanted: MovieFilter,
    left_out: Mapping[str, object] | set[str],
    limit: int,
    why: str,
) -> FilmList:
    """The most rated movies that somebody has not watched."""
    total, movies = catalogue.search("", wanted, limit + len(left_out))
    kept = [movie for movie in movies if movie.movie_id not in left_out]
    entries = tuple(ListEntry(movie, place) for place, movie in enumerate(kept, start=1))
    return FilmList(entries, max(total - len(left_out), len(kept)), "catalogue", notice=why)
