"""Pages and addresses for people and programs that run the application."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from contracts.signatures import RECOMMENDER
from serving.app.inside import list_of_version, orders_of, served_models
from serving.app.model_calls import ModelServerDownError
from serving.app.services import Services, services_of
from serving.app.web.rendering import page
from serving.client import ServingError
from serving.feedback.events import NUMERAL

# The report is one file with styles and scripts inside, written by the pipeline; it loads and sends nothing.
_REPORT_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HISTORY: Final = 15

router = APIRouter(include_in_schema=False)

App = Annotated[Services, Depends(services_of)]
Version = Annotated[str, Query(pattern=r"^[0-9]{0,18}$")]


@router.get("/inside")
def inside(
    request: Request,
    app: App,
    user: Annotated[str, Query(pattern=rf"({NUMERAL})|(^$)")] = "",
    first: Version = "",
    second: Version = "",
) -> Response:
    """What is served, how fast it answers, and how a user's list comes about."""
    models, problem = served_models(app)
    served = next((row.states for row in models if row.model == RECOMMENDER), ())
    values: dict[str, Any] = {
        "models": models,
        "problem": problem,
        "address": app.calls.address,
        "records": dict(app.calls.records),
        "variants": app.variants,
        "waiting": app.feedback.waiting(),
        "report": app.published.report() is not None,
        "report_run": app.published.report_run(),
        "user_id": user,
        "user": None,
        "history": [],
        "orders": [],
        "orders_problem": "",
        "available": [state.version for state in served if state.state == "AVAILABLE"],
        "first": first,
        "second": second,
        "compared": [],
    }
    if user:
        catalogue = app.published.catalogue()
        values["user"] = catalogue.user(user)
        latest = values["user"].history[: -_HISTORY - 1 : -1] if values["user"] else ()
        movies = catalogue.movies(movie for movie, _ in latest)
        values["history"] = [(movies[movie], stars) for movie, stars in latest if movie in movies]
        try:
            values["orders"] = orders_of(app, user)
        except (ModelServerDownError, ServingError) as error:
            values["orders_problem"] = str(error)
        if first and second:
            values["compared"] = [list_of_version(app, user, int(version)) for version in (first, second)]
    return page(request, "inside.html", values)


@router.get("/inside/report")
def report(app: App) -> Response:
    """The report of the latest run."""
    file = app.published.report()
    if file is None:
        raise HTTPException(404, "the folder beside the pushed models does not hold a report")
    return FileResponse(file, media_type="text/html", headers={"Content-Security-Policy": _REPORT_POLICY})


@router.get("/metrics")
def metrics(app: App) -> Response:
    """What Prometheus reads."""
    return Response(generate_latest(app.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/healthz")
def healthz() -> Response:
    """Whether the process answers."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def readyz(app: App) -> Response:
    """Whether lists come from the models; without them the pages still work."""
    try:
        states = app.calls.send("status", lambda client: client.status(RECOMMENDER))
    except (ModelServerDownError, ServingError) as error:
        return JSONResponse({"ready": False, "reason": str(error)}, 503)
    available = [state.version for state in states if state.state == "AVAILABLE"]
    return JSONResponse({"ready": bool(available), "versions": available}, 200 if available else 503)
