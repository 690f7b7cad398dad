"""The JSON API, under /api/v1. It keeps no session: each request says whom it is about."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request

from serving.app.api_models import (
    HistoryDocument,
    ListDocument,
    ModelDocument,
    MovieDocument,
    MoviesDocument,
    PersonDocument,
    RatedDocument,
    StatusDocument,
    UserDocument,
    UsersDocument,
    WrittenDocument,
)
from serving.app.catalogue import CatalogueMovie, CatalogueUser, MovieFilter
from serving.app.inside import served_models
from serving.app.problems import problem_responses
from serving.app.scales import check_profile, check_stars
from serving.app.services import Services, services_of
from serving.app.visitors import NewProfile, Visitor, known_visitor, new_visitor
from serving.feedback import ImpressionEvent, RatingEvent
from serving.feedback.events import NUMERAL

MOST: Final = 100


def refuse_unknown_parameters(request: Request) -> None:
    """Refuses parameters that the route does not have, such as a filter that is spelled wrongly.

    Raises:
      HTTPException: with 422.
    """
    known = [each.alias for each in request.scope["route"].dependant.query_params]
    for name in request.query_params:
        if name not in known:
            raise HTTPException(
                422,
                f"query.{name}: this route does not have it; it has {', '.join(known) or 'no parameters'}",
            )


router = APIRouter(
    prefix="/api/v1",
    tags=["films"],
    dependencies=[Depends(refuse_unknown_parameters)],
    responses=problem_responses(405, 413, 414, 422, 429, 500, 503),
)

App = Annotated[Services, Depends(services_of)]
Id = Annotated[str, Path(pattern=NUMERAL, description="A numeral, as MovieLens has it.")]
Limit = Annotated[int, Query(ge=1, le=MOST)]
Offset = Annotated[int, Query(ge=0, le=10_000)]
Genre = Annotated[str | None, Query(max_length=40)]
Decade = Annotated[int | None, Query(ge=1800, le=2100, description="Its first year.")]
_NOT_FOUND: Final = problem_responses(404)
# A body that is not text, or that ends before its end.
_UNREADABLE: Final = problem_responses(400)
_CONFLICT: Final = problem_responses(409)


@router.get("/movies")
def movies(
    app: App,
    query: Annotated[str, Query(max_length=100, description="Beginnings of words of the title.")] = "",
    genre: Genre = None,
    decade: Decade = None,
    limit: Limit = 20,
    offset: Offset = 0,
) -> MoviesDocument:
    """Movies by title, genre and decade, the most rated first."""
    total, found = app.published.catalogue().search(query, MovieFilter(genre, decade), limit, offset)
    return MoviesDocument(total=total, movies=[MovieDocument.of(movie) for movie in found])


@router.get("/movies/{movie_id}", responses=_NOT_FOUND)
def movie(app: App, movie_id: Id) -> MovieDocument:
    """One movie."""
    return MovieDocument.of(movie_or_404(app, movie_id))


@router.get("/movies/{movie_id}/similar", responses=_NOT_FOUND)
def similar(
    app: App, movie_id: Id, genre: Genre = None, decade: Decade = None, limit: Limit = 20, offset: Offset = 0
) -> ListDocument:
    """The movies nearest to one, by what people watch."""
    movie_or_404(app, movie_id)
    nobody = Visitor("0")
    return ListDocument.of(app.lists.similar(movie_id, nobody, MovieFilter(genre, decade), limit, offset))


@router.get("/users")
def users(app: App, limit: Limit = 20, offset: Offset = 0) -> UsersDocument:
    """The users of the data."""
    total, found = app.published.catalogue().users(limit, offset)
    return UsersDocument(total=total, users=[UserDocument.of(user) for user in found])


@router.get("/users/{user_id}/history", responses=_NOT_FOUND)
def history(app: App, user_id: Id) -> HistoryDocument:
    """The latest ratings of a user."""
    user = user_or_404(app, user_id)
    found = app.published.catalogue().movies(movie_id for movie_id, _ in user.history)
    rated = [
        RatedDocument(movie=MovieDocument.of(found[movie_id]), stars=stars)
        for movie_id, stars in reversed(user.history)
        if movie_id in found
    ]
    return HistoryDocument(user=UserDocument.of(user), history=rated)


@router.get("/users/{user_id}/recommendations", responses=_NOT_FOUND)
def recommendations(
    app: App, user_id: Id, genre: Genre = None, decade: Decade = None, limit: Limit = 20, offset: Offset = 0
) -> ListDocument:
    """The list for a user of the data, with the reasons. It is not recorded: send what you showed."""
    visitor = known_visitor(user_or_404(app, user_id))
    return ListDocument.of(app.lists.for_you(visitor, MovieFilter(genre, decade), limit, offset))


@router.post("/recommendations", responses=_UNREADABLE)
def recommendations_for(
    app: App,
    person: PersonDocument,
    genre: Genre = None,
    decade: Decade = None,
    limit: Limit = 20,
    offset: Offset = 0,
) -> ListDocument:
    """The list for somebody who may not be in the data, from what they rated and say about themselves."""
    catalogue = app.published.catalogue()
    profile = NewProfile(person.age, person.gender or None, person.occupation or None)
    check_profile(catalogue, profile)
    for place, given in enumerate(person.ratings):
        check_stars(catalogue, given.stars, f"ratings.{place}.stars")
    visitor = new_visitor(profile)
    movies_of_data = catalogue.movies(given.movie_id for given in person.ratings)
    for given in person.ratings:
        if given.movie_id in movies_of_data:
            visitor = visitor.rated(given.movie_id, given.stars)
    for movie_id in person.not_interested:
        visitor = visitor.hiding(movie_id)
    return ListDocument.of(app.lists.for_you(visitor, MovieFilter(genre, decade), limit, offset))


@router.post("/ratings", status_code=201, responses={**_UNREADABLE, **_NOT_FOUND, **_CONFLICT})
def rate(app: App, event: RatingEvent) -> WrittenDocument:
    """Writes a rating. One that is sent again changes nothing; another one with its event id is refused."""
    found = movie_or_404(app, event.movie_id)
    check_stars(app.published.catalogue(), event.stars)
    return WrittenDocument(event_id=event.event_id, written=app.rate(event, found))


@router.post("/impressions", status_code=201, responses={**_UNREADABLE, **_CONFLICT})
def show(app: App, event: ImpressionEvent) -> WrittenDocument:
    """Writes a list that was shown, with its positions."""
    return WrittenDocument(event_id=event.event_id, written=app.feedback.show(event))


@router.get("/status")
def status(app: App) -> StatusDocument:
    """Versions and metrics of what is served."""
    models, problem = served_models(app)
    return StatusDocument(
        model_server=problem or "up",
        catalogue_version=app.published.catalogue().version,
        variants=list(app.variants.labels),
        models=[
            ModelDocument(
                model=each.model,
                available=[state.version for state in each.states if state.state == "AVAILABLE"],
                measured_on=each.measured_on,
                metrics=dict(each.metrics),
            )
            for each in models
        ],
    )


def movie_or_404(app: Services, movie_id: str) -> CatalogueMovie:
    """A movie of the catalogue.

    Raises:
      HTTPException: with 404.
    """
    found = app.published.catalogue().movie(movie_id)
    if found is None:
        raise HTTPException(404, f"movie {movie_id} is not in the catalogue")
    return found


def user_or_404(app: Services, user_id: str) -> CatalogueUser:
    """A user of the data.

    Raises:
      HTTPException: with 404.
    """
    found = app.published.catalogue().user(user_id)
    if found is None:
        raise HTTPException(404, f"user {user_id} is not in the data that the models are from")
    return found
