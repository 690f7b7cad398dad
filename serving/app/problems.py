"""Errors: RFC 9457 problem details for programs, a page for people."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Scope

from serving.app.published import PublishedError
from serving.app.web.rendering import page
from serving.client import ServingError
from serving.feedback import FeedbackConflictError, FeedbackError

API: Final = "/api/"
_LOG: Final = logging.getLogger(__name__)


class Problem(BaseModel):
    """Problem details (RFC 9457).

    Attributes:
      type: "about:blank": the status says what kind of problem it is.
      title: the words of the status.
      status: the status.
      detail: what is wrong and what to do.
      request_id: of the answer's header `X-Request-ID`, for the log.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route in the OpenAPI description."""
    schema = Problem.model_json_schema()
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": schema}},
        }
        for status in statuses
    }


def problem_response(scope: dict[str, Any], status: int, detail: str) -> JSONResponse:
    """An error as problem details."""
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        request_id=scope.get("state", {}).get("request_id", ""),
    )
    return JSONResponse(problem.model_dump(), status, media_type="application/problem+json")


def refusal(scope: Scope, status: int, detail: str) -> Response:
    """An error of a request that does not get to a route: a page, or problem details of the API."""
    return _answer(Request(scope), status, detail)


def add_handlers(app: FastAPI) -> None:
    """Makes every error of the routes one of the two."""

    @app.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> Response:
        missing = error.detail == HTTPStatus(404).phrase
        detail = "Nothing has this address: check how it is written." if missing else str(error.detail)
        response = _answer(request, error.status_code, detail)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        if not request.url.path.startswith(API):
            field = str(first["loc"][-1]).replace("_", " ")
            return _answer(request, 422, f"The value of {field} is not valid. Go back and correct it.")
        return _answer(request, 422, f"{where}: {first['msg']}")

    @app.exception_handler(ServingError)
    def refused(request: Request, error: ServingError) -> Response:
        return _answer(request, 503, f"the model server refused the call: {error.reason}")

    @app.exception_handler(FeedbackConflictError)
    def another_event(request: Request, error: FeedbackConflictError) -> Response:
        return _answer(request, 409, str(error))

    @app.exception_handler(FeedbackError)
    def not_written(request: Request, error: FeedbackError) -> Response:
        _LOG.error("feedback was not written", extra={"fields": {"error": str(error)}})
        return _answer(request, 503, "the rating could not be written: try again later")

    @app.exception_handler(PublishedError)
    def nothing_published(request: Request, error: PublishedError) -> Response:
        return _answer(request, 503, str(error))

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> Response:
        # The stack is in the log of the server; what it shows is not for whoever caused it.
        return _answer(request, 500, "the application failed: the log has the reason under the request id")


def _answer(request: Request, status: int, detail: str) -> Response:
    if request.url.path.startswith(API):
        return problem_response(dict(request.scope), status, detail)
    # The words of the standard, "Unprocessable Entity", are not for people.
    title = "Not valid" if status == 422 else HTTPStatus(status).phrase
    return page(request, "error.html", {"title": title, "detail": detail}, status=status)
