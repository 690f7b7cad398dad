"""The pages: what people open."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, BackgroundTasks, Depends, HTTPException, Query, Request
from fastapi.responses import Response

from serving.app.api import Id, movie_or_404
from serving.app.catalogue import MovieCatalogue, MovieFilter
from serving.app.services import Services, services_of
from serving.app.visitors import MOST_RATINGS
from serving.app.web.rendering import page, with_query
from serving.app.web.sessions import visitor

# Films on a page, and of each film that somebody liked.
PAGE: Final = 20
_BECAUSE_FILMS: Final = 4
_BECAUSE_SHOWN: Final = 6
_USERS: Final = 60

router = APIRouter(include_in_schema=False)

App = Annotated[Services, Depends(services_of)]
# Forms send fields that are not filled in as "".
Text = Annotated[str, Query(max_length=100)]
Decade = Annotated[str, Query(pattern=r"^([0-9]{4})?$")]
Number = Annotated[int, Query(ge=1, le=500, alias="page")]


def _filter(genre: str, decade: str) -> MovieFilter:
    return MovieFilter(genre or None, int(decade) if decade else None)


def _choices(catalogue: MovieCatalogue, wanted: MovieFilter) -> dict[str, Any]:
    return {
        "genres": catalogue.genres,
        "decades": catalogue.decades,
        "wanted": wanted,
        "scale": catalogue.stars,
        "liked": catalogue.liked,
    }


def _pages(path: str, number: int, total: int, **query: object) -> dict[str, Any]:
    """The links before and after a page."""
    last = max(1, -(-total // PAGE))
    return {
        "number": number,
        "last": last,
        "total": total,
        "before": with_query(path, {**query, "page": number - 1}) if number > 1 else None,
        "after": with_query(path, {**query, "page": number + 1}) if number < last else None,
    }


@router.get("/")
def for_you(
    request: Request,
    app: App,
    tasks: BackgroundTasks,
    genre: Text = "",
    decade: Decade = "",
    number: Number = 1,
) -> Response:
    """The list for the visitor."""
    who, wanted, offset = visitor(request), _filter(genre, decade), (number - 1) * PAGE
    shown = app.lists.for_you(who, wanted, PAGE, offset)
    tasks.add_task(app.show, "for-you", who.user_id, shown, offset)
    catalogue = app.published.catalogue()
    values = {
        "shown": shown,
        "pages": _pages("/", number, shown.total, genre=genre, decade=decade),
        **_choices(catalogue, wanted),
    }
    return _with(tasks, page(request, "for_you.html", values))


@router.get("/because")
def because(request: Request, app: App, tasks: BackgroundTasks) -> Response:
    """Films like those that the visitor liked."""
    who = visitor(request)
    rows = app.lists.because(who, _BECAUSE_FILMS, _BECAUSE_SHOWN)
    for _, shown in rows:
        tasks.add_task(app.show, "because", who.user_id, shown)
    values = {"rows": rows, **_choices(app.published.catalogue(), MovieFilter())}
    return _with(tasks, page(request, "because.html", values))


@router.get("/films")
def films(
    request: Request,
    app: App,
    query: Text = "",
    genre: Text = "",
    decade: Decade = "",
    number: Number = 1,
) -> Response:
    """The catalogue, searched by title, genre and decade."""
    catalogue, wanted = app.published.catalogue(), _filter(genre, decade)
    total, found = catalogue.search(query, wanted, PAGE, (number - 1) * PAGE)
    values = {
        "query": query,
        "films": found,
        "pages": _pages("/films", number, total, query=query, genre=genre, decade=decade),
        **_choices(catalogue, wanted),
    }
    return page(request, "films.html", values)


@router.get("/films/{movie_id}")
def film(request: Request, app: App, tasks: BackgroundTasks, movie_id: Id) -> Response:
    """One film, and those that are similar."""
    who, movie = visitor(request), movie_or_404(app, movie_id)
    shown = app.lists.similar(movie_id, who, MovieFilter(), 12)
    tasks.add_task(app.show, "similar", who.user_id, shown)
    catalogue = app.published.catalogue()
    user = catalogue.user(who.user_id) if who.known else None
    given = who.ratings.get(movie_id, dict(user.history).get(movie_id) if user else None)
    values = {"movie": movie, "shown": shown, "given": given, **_choices(catalogue, MovieFilter())}
    return _with(tasks, page(request, "film.html", values))


@router.get("/ratings")
def ratings(request: Request, app: App) -> Response:
    """What the visitor rated, in this session and before."""
    who, catalogue = visitor(request), app.published.catalogue()
    user = catalogue.user(who.user_id) if who.known else None
    before = [each for each in reversed(user.history if user else ()) if each[0] not in who.ratings]
    now = list(reversed(list(who.ratings.items())))
    movies = catalogue.movies([*(movie for movie, _ in [*now, *before]), *who.hidden])
    values = {
        "user": user,
        "most": MOST_RATINGS,
        "now": [(movies[movie], stars) for movie, stars in now if movie in movies],
        "before": [(movies[movie], stars) for movie, stars in before if movie in movies],
        "hidden": [movies[movie] for movie in who.hidden if movie in movies],
        **_choices(catalogue, MovieFilter()),
    }
    return page(request, "ratings.html", values)


@router.get("/start")
def start(request: Request, app: App, number: Number = 1) -> Response:
    """Who the visitor is: a user of the data, or a new one."""
    catalogue = app.published.catalogue()
    total, users = catalogue.users(_USERS, (number - 1) * _USERS)
    last = max(1, -(-total // _USERS))
    if number > last:
        raise HTTPException(404, f"the list of users has {last} pages")
    values = {
        "users": users,
        "occupations": catalogue.occupations,
        "pages": {
            "number": number,
            "last": last,
            "total": total,
            "before": with_query("/start", {"page": number - 1}) if number > 1 else None,
            "after": with_query("/start", {"page": number + 1}) if number < last else None,
        },
    }
    return page(request, "start.html", values)


def _with(tasks: BackgroundTasks, response: Response) -> Response:
    """The response, after which the tasks run: FastAPI leaves that to a route that makes its own response."""
    response.background = tasks
    return response
