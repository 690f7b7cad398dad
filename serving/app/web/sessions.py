"""The session of a request: a signed cookie with the visitor and a token against forged posts."""

from __future__ import annotations

import secrets
from dataclasses import replace

from fastapi import HTTPException, Request

from serving.app.visitors import Visitor, new_visitor, visitor_of

_CSRF = "csrf"


def visitor(request: Request) -> Visitor:
    """Who sent the request; a new user with the first one."""
    if "session" not in request.scope:
        # An error before the cookie was read.
        return new_visitor()
    found = visitor_of(request.session)
    if found is None:
        found = new_visitor()
        keep_visitor(request, found)
    return found


def keep_visitor(request: Request, changed: Visitor) -> None:
    """Writes the visitor into the session."""
    request.session.update(changed.session())


def start_as(request: Request, starting: Visitor) -> None:
    """Goes on with another visitor. Changes are counted on, so that no id of an event comes again."""
    keep_visitor(request, replace(starting, changes=visitor(request).changes))


def csrf_token(request: Request) -> str:
    """The token that the forms of this session carry."""
    if "session" not in request.scope:
        return ""
    token: str = request.session.setdefault(_CSRF, secrets.token_urlsafe(16))
    return token


def check_csrf(request: Request, token: str) -> None:
    """Refuses a post that does not come from a page of this session.

    Raises:
      HTTPException: with 403.
    """
    if not secrets.compare_digest(token.encode(), csrf_token(request).encode()):
        raise HTTPException(
            403,
            "this page is of another session: open it again, with cookies allowed, and repeat what you did",
        )
