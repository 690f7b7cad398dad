"""Pages from templates."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from serving.app.web.sessions import csrf_token, visitor

_FOLDER: Final = Path(__file__).parent
STATIC: Final = _FOLDER / "static"


def page(request: Request, template: str, values: Mapping[str, Any], *, status: int = 200) -> Response:
    """A page.

    Args:
      request: the request that it answers.
      template: the file's name.
      values: what the template shows.
      status: of the answer.
    """
    text = _ENVIRONMENT.get_template(template).render(
        {
            "path": request.url.path,
            "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            "visitor": visitor(request),
            "csrf": csrf_token(request),
            "message": request.session.pop("message", "") if "session" in request.scope else "",
            "event": secrets.token_urlsafe(12),
            **values,
        }
    )
    return HTMLResponse(text, status)


def slug(text: str) -> str:
    """A text as part of the name of a CSS class."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def with_query(path: str, values: Mapping[str, object]) -> str:
    """A path with those values that are set."""
    given = {name: value for name, value in values.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def stars(value: float) -> str:
    """A number of stars without needless digits: 4, 3.5."""
    return f"{value:g}"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(slug=slug, stars=stars, ordinal=ordinal)
    environment.globals["with_query"] = with_query
    return environment


_ENVIRONMENT: Final = _environment()
