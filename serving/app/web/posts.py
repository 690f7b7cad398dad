"""What people send from the pages: who they are, a rating, a film that they are not interested in."""

from __future__ import annotations

import hashlib
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from serving.app.api import Id, movie_or_404
from serving.app.scales import check_profile, check_stars
from serving.app.services import Services, services_of
from serving.app.visitors import NewProfile, Visitor, known_visitor, new_visitor
from serving.app.web.sessions import check_csrf, keep_visitor, start_as, visitor
from serving.feedback import RatingEvent

_OLDEST: Final = 120

router = APIRouter(include_in_schema=False)

App = Annotated[Services, Depends(services_of)]
Token = Annotated[str, Form(max_length=100)]
Text = Annotated[str, Form(max_length=100)]
Place = Annotated[str, Form(max_length=1000)]


@router.post("/start")
def start(
    request: Request,
    app: App,
    csrf: Token = "",
    user_id: Text = "",
    age: Annotated[str, Form(pattern=r"^[0-9]{0,3}$")] = "",
    gender: Text = "",
    occupation: Text = "",
) -> Response:
    """Starts as a user of the data, if one is named, or as a new one with a profile."""
    check_csrf(request, csrf)
    catalogue = app.published.catalogue()
    if user_id.strip():
        user = catalogue.user(user_id.strip())
        if user is None:
            raise HTTPException(404, "the data does not have a user of that number: choose one of the list")
        start_as(request, known_visitor(user))
        return _to("/")
    years = float(age) if age else None
    if years is not None and not 1 <= years <= _OLDEST:
        raise HTTPException(422, f"an age is from 1 to {_OLDEST} years; leave it open if you like")
    profile = NewProfile(years, gender or None, occupation or None)
    check_profile(catalogue, profile)
    start_as(request, new_visitor(profile))
    return _to("/")


@router.post("/films/{movie_id}/rating")
def rate(
    request: Request,
    app: App,
    movie_id: Id,
    stars: Annotated[float, Form(ge=0, le=10)],
    event: Annotated[str, Form(pattern=r"^[A-Za-z0-9_-]{8,40}$")],
    csrf: Token = "",
    back: Place = "/",
) -> Response:
    """Writes a rating and keeps it in the session, so that the lists follow it at once."""
    check_csrf(request, csrf)
    movie, who = movie_or_404(app, movie_id), visitor(request)
    check_stars(app.published.catalogue(), stars)
    changed = who.rated(movie_id, stars)
    event_id = _event_id(event, changed, movie_id, stars)
    app.rate(RatingEvent(event_id=event_id, user_id=who.user_id, movie_id=movie_id, stars=stars), movie)
    keep_visitor(request, changed)
    request.session["message"] = (
        f"You gave {movie.name} {stars:g} of {max(app.published.catalogue().stars):g} stars."
    )
    return _to(back)


@router.post("/films/{movie_id}/interest")
def interest(
    request: Request,
    app: App,
    movie_id: Id,
    interested: Annotated[bool, Form()],
    csrf: Token = "",
    back: Place = "/",
) -> Response:
    """Hides a film from the lists, or shows it again."""
    check_csrf(request, csrf)
    movie = movie_or_404(app, movie_id)
    keep_visitor(request, visitor(request).hiding(movie_id, hidden=not interested))
    how = "may be in your lists again" if interested else "is not in your lists any more"
    request.session["message"] = f"{movie.name} {how}."
    return _to(back)


def _event_id(page: str, changed: Visitor, movie_id: str, stars: float) -> str:
    """The same for a form that is sent twice, and another one for each change that is made on a page."""
    parts = f"{page} {changed.user_id} {changed.changes} {movie_id} {stars}"
    return hashlib.sha256(parts.encode()).hexdigest()


def _to(place: str) -> Response:
    """The page to go on with, which has to be one of ours."""
    ours = place.startswith("/") and not place.startswith("//") and "\\" not in place
    return RedirectResponse(place if ours else "/", 303)
