"""What every request passes: an id, bounds, a rate limit, security headers, a log line, metrics."""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from typing import Any, Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.app.metrics import AppMetrics
from serving.app.problems import refusal

# No form and no document of the API is larger.
MOST_BODY_BYTES: Final = 64 * 1024
MOST_URL_BYTES: Final = 4096
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_FREE: Final = ("/static/", "/healthz", "/readyz", "/metrics")
# Anybody can make up other ones, and each would be a series of the metrics.
_METHODS: Final = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")
_LOG: Final = logging.getLogger("serving.app.requests")

_SECURITY: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guards:
    """The outermost layer of the application.

    Args:
      app: the rest of it.
      metrics: what Prometheus reads.
      requests_per_minute: of one client; beyond them it gets 429.
    """

    def __init__(self, app: ASGIApp, metrics: AppMetrics, requests_per_minute: int) -> None:
        self._app = app
        self._metrics = metrics
        self._limit = RateLimitItemPerMinute(requests_per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 500
        head = scope["method"] == "HEAD"
        # A page has the same head with and without its body, which the routes do not see to.
        asked = {**scope, "method": "GET"} if head else scope

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in _SECURITY.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            elif head:
                message = {**message, "body": b""}
            await send(message)

        try:
            if (answer := self._refusal(asked)) is not None:
                await answer(asked, receive, send_guarded)
            else:
                await self._app(asked, _Bounded(receive), send_guarded)
        finally:
            self._note(asked, scope["method"], status, time.perf_counter() - started)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        """The answer to a request that goes no further, None if it does."""
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > MOST_BODY_BYTES:
            return refusal(scope, 413, f"a body may have {MOST_BODY_BYTES:,} bytes")
        if len(scope["raw_path"]) + len(scope["query_string"]) > MOST_URL_BYTES:
            return refusal(scope, 414, f"an address may have {MOST_URL_BYTES:,} bytes")
        client = scope["client"][0] if scope.get("client") else ""
        if scope["path"].startswith(_FREE) or self._limiter.hit(self._limit, client):
            return None
        answer = refusal(scope, 429, f"more than {self._limit.amount} requests in a minute: wait")
        answer.headers["Retry-After"] = "60"
        return answer

    def _note(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        # The route and not the path, which holds ids of users.
        route = getattr(scope.get("route"), "path", "")
        method = method if method in _METHODS else "other"
        self._metrics.requests.labels(route, method, status).observe(seconds)
        if not scope["path"].startswith(_FREE):
            fields = {"route": route, "method": method, "status": status}
            fields |= {"ms": round(seconds * 1e3, 1), "request_id": scope["state"]["request_id"]}
            _LOG.info("request", extra={"fields": fields})


class _Bounded:
    """The body of a request, cut off where it grows too large without having said so."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = MOST_BODY_BYTES

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        return message if self._left >= 0 else {"type": "http.disconnect"}


class JsonLines(logging.Formatter):
    """Log records as lines of JSON; `extra={"fields": {...}}` adds to them."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
