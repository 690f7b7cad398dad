"""The application, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.middleware.sessions import SessionMiddleware
from starlette.staticfiles import StaticFiles

from serving.app import api
from serving.app.film_lists import FilmLists
from serving.app.guards import Guards
from serving.app.metrics import AppMetrics
from serving.app.model_calls import ModelCalls
from serving.app.problems import add_handlers
from serving.app.published import PublishedModels
from serving.app.services import Services
from serving.app.settings import AppSettings
from serving.app.variants import Variants
from serving.app.web import operations, pages, posts
from serving.app.web.rendering import STATIC
from serving.client import Client
from serving.feedback import FeedbackWriter

COOKIE: Final = "movielens_session"
_DESCRIPTION: Final = (
    "Lists of films from the models of the pipeline, the catalogue, and feedback. Errors are problem details "
    "(RFC 9457). A client gets 429 beyond its requests in a minute."
)


def create_app(settings: AppSettings, client: Client, address: str) -> FastAPI:
    """Makes the application.

    Args:
      settings: what it is started with.
      client: of the model server; the application does not close it.
      address: of the model server, for messages.

    Raises:
      PublishedError: the folder of models does not have a catalogue.
      FeedbackError: the folder of feedback cannot be written to.
    """
    published = PublishedModels(settings.models)
    metrics = AppMetrics()
    variants = Variants(settings.variants)
    calls = ModelCalls(client, metrics, address)
    feedback = FeedbackWriter(settings.feedback, published.catalogue().stars)
    services = Services(
        settings, published, calls, FilmLists(calls, published, variants), variants, metrics, feedback
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        feedback.close()

    app = FastAPI(
        title="MovieLens recommender",
        version="1",
        description=_DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.services = services
    for part in (pages, posts, operations, api):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    add_handlers(app)
    app.add_middleware(
        SessionMiddleware,
        secret_key=settings.secret,
        session_cookie=COOKIE,
        same_site="lax",
        https_only=settings.secure_cookies,
    )
    app.add_middleware(Guards, metrics=metrics, requests_per_minute=settings.requests_per_minute)
    return app
