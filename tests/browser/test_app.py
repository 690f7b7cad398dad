"""The web application in a browser: the main ways through it, without an error, for anyone at any width."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect

from serving.app.application import create_app
from serving.app.settings import AppSettings
from serving.client import Client
from tests.browser.test_report import DESKTOP, RULES, TELEPHONE
from tests.served_sample import ServedSample

pytestmark = pytest.mark.slow

KNOWN = "42"
PAGES = ("/", "/because", "/films?query=the", "/films/1", "/ratings", "/start", f"/inside?user={KNOWN}")


@contextmanager
def application(models: Path, model_server: str, feedback: Path) -> Iterator[str]:
    """The address of an application on a port of its own."""
    with Client(model_server, timeout=60) as client, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        app_settings = AppSettings(models, feedback, requests_per_minute=100_000)
        config = uvicorn.Config(create_app(app_settings, client, model_server), log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address(served_sample: ServedSample, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("app")
    with application(served_sample.models, served_sample.address, folder) as found:
        yield found


class Windows:
    """Opens windows on the application, and notes errors and breaches of the policy in them."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.address = address
        self.wrong: list[str] = []

    def open(self, width: int = DESKTOP, scheme: str = "light", *, script: bool = True) -> Page:
        context = self._browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
            java_script_enabled=script,
            base_url=self.address,
        )
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", lambda dialog: self.wrong.append(f"dialog: {dialog.message}"))
        page.on("console", self._note)
        page.on("request", self._requested)
        return page

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def _requested(self, request: Any) -> None:
        if not request.url.startswith(self.address):
            self.wrong.append(f"requested {request.url}")

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def windows(browser: Browser, address: str) -> Iterator[Windows]:
    expect.set_options(timeout=60_000)
    opened = Windows(browser, address)
    yield opened
    opened.close()
    assert opened.wrong == []


def start_as(page: Page, user: str) -> None:
    page.goto("/start")
    page.get_by_label("Number").fill(user)
    page.get_by_role("button", name="Start as this user").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("For you")


def first_film(page: Page) -> str:
    return page.locator(".card .name a").first.inner_text()


def test_somebody_new_rates_a_film_and_the_list_follows_without_a_reload(windows: Windows) -> None:
    page = windows.open()
    page.goto("/")
    expect(page.get_by_text("Popular of late, the same for everybody")).to_be_visible()
    film = first_film(page)
    page.evaluate("window.sameDocument = true")

    page.get_by_role("button", name=re.compile(f"^5 of 5 stars for {re.escape(film)}$")).click()

    expect(page.get_by_role("status")).to_contain_text(f"You gave {film} 5 of 5 stars")
    expect(page.get_by_role("status")).to_be_focused()
    expect(page.get_by_text("From the films that you gave")).to_be_visible()
    assert page.evaluate("window.sameDocument") is True
    assert film not in page.locator(".card .name a").all_inner_texts()
    hidden = first_film(page)
    page.get_by_role("button", name=f"Not interested in {hidden}", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text(hidden)
    assert hidden not in page.locator(".card .name a").all_inner_texts()


def test_the_search_helps_while_somebody_types_with_the_keyboard_alone(windows: Windows) -> None:
    page = windows.open()
    page.goto("/films")
    film = page.locator(".card .name a").nth(3).inner_text()

    box = page.get_by_role("combobox", name="Search films by title")
    box.press_sequentially(" ".join(word[:5] for word in film.split()).upper(), delay=5)
    option = page.get_by_role("option", name=re.compile(re.escape(film))).first
    expect(option).to_be_visible()
    for _ in range(8):
        if option.get_attribute("aria-selected") == "true":
            break
        box.press("ArrowDown")
    box.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(film)


def test_everything_works_without_script(windows: Windows) -> None:
    page = windows.open(script=False)
    start_as(page, KNOWN)
    expect(page.get_by_text(f"From all that user {KNOWN} has rated")).to_be_visible()
    page.locator("details.why summary").first.click()
    expect(page.get_by_text("By taste alone").first).to_be_visible()
    page.get_by_label("Genre").select_option("Drama")
    page.get_by_role("button", name="Show", exact=True).click()
    assert all("Drama" in facts for facts in page.locator(".card .facts").all_inner_texts())
    film = first_film(page)
    page.get_by_role("button", name=f"4 of 5 stars for {film}", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text(f"You gave {film} 4 of 5 stars")
    page.get_by_label("Search films by title").fill(film)
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".card .name a").filter(has_text=film).first).to_be_visible()


def test_a_new_user_gives_a_profile_and_a_known_one_looks_around(windows: Windows) -> None:
    page = windows.open()
    page.goto("/start")
    page.get_by_role("textbox", name="Age").fill("30")
    page.get_by_role("combobox", name="Gender").select_option("Female")
    page.get_by_role("button", name="Start as a new user").click()
    expect(page.get_by_text("ordered by the rating that is predicted for what you said")).to_be_visible()

    start_as(page, KNOWN)
    page.get_by_role("link", name="Because you liked").click()
    film = first_film(page)
    page.locator(".card .name a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(film)
    expect(page.get_by_role("heading", name="Similar films")).to_be_visible()
    page.get_by_role("link", name="Inside").click()
    page.get_by_role("textbox", name="User").fill(KNOWN)
    for label, place in (("First version", 1), ("Second version", 2)):
        page.get_by_label(label).select_option(index=place)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("heading", name="Two versions side by side")).to_be_visible()


def test_without_the_model_server_there_are_films_and_a_word_about_it(
    browser: Browser, served_sample: ServedSample, tmp_path: Path
) -> None:
    with application(served_sample.models, "127.0.0.1:1", tmp_path) as alone:
        opened = Windows(browser, alone)
        page = opened.open()
        start_as(page, KNOWN)
        expect(page.get_by_text("The model server does not answer.")).to_be_visible()
        film = first_film(page)
        page.get_by_role("button", name=f"5 of 5 stars for {film}", exact=True).click()
        expect(page.get_by_role("status")).to_contain_text(f"You gave {film} 5 of 5 stars")
        opened.close()
    assert opened.wrong == []


def test_the_keyboard_comes_first_to_the_way_past_the_navigation(windows: Windows) -> None:
    page = windows.open()
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the films")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize(("width", "scheme"), [(TELEPHONE, "dark"), (DESKTOP, "light")])
def test_every_page_is_accessible_and_keeps_its_place(
    windows: Windows, axe: str, width: int, scheme: str
) -> None:
    page = windows.open(width, scheme)
    start_as(page, KNOWN)
    options = json.dumps({"runOnly": RULES, "resultTypes": ["violations"]})
    for path in PAGES:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        page.evaluate(axe)
        found: list[dict[str, Any]] = page.evaluate(
            f"axe.run(document, {options}).then(all => all.violations)"
        )
        assert [
            f"{path}: {rule['id']}: {rule['help']}: {node['html'][:200]}"
            for rule in found
            for node in rule["nodes"][:3]
        ] == []


def test_nothing_moves_while_a_page_loads(windows: Windows) -> None:
    page = windows.open()
    page.add_init_script(
        "window.shifts = 0; new PerformanceObserver(list => list.getEntries().forEach("
        "one => { window.shifts += one.value; })).observe({type: 'layout-shift', buffered: true});"
    )
    for path in PAGES:
        page.goto(path, wait_until="load")
        assert page.evaluate("window.shifts") == 0, path
