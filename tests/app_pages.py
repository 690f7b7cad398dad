"""Reads the pages of the web application and fills in their forms, as a browser without script does."""

import re
from html import unescape

from httpx import Client, Response


def film_ids(page: str) -> list[str]:
    """The ids of the films of a page, in its order."""
    return re.findall(r'class="card" id="film-(\d+)"', page)


def token(browser: Client) -> str:
    """The token against forged posts of the browser's session."""
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get("/start").text)
    assert found
    return unescape(found[1])


def start_as(browser: Client, user_id: str = "", **profile: str) -> Response:
    return browser.post("/start", data={"csrf": token(browser), "user_id": user_id, **profile})


def rate(browser: Client, movie_id: str, stars: float, event: str = "from-a-test") -> Response:
    fields = {"csrf": token(browser), "stars": f"{stars:g}", "event": event, "back": "/"}
    return browser.post(f"/films/{movie_id}/rating", data=fields)
