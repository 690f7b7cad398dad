"""A real browser without a network, and the pages that it opens."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from tests.pipeline_run import PROJECT, PipelineRun

AXE = PROJECT / ".cache" / "axe-core" / "axe.min.js"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium, for as long as a module needs it: Playwright keeps an event loop in this thread."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip(
            "the report was opened in no browser: there is no chromium here (apt-get install chromium)"
        )
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which checks a page for accessibility."""
    if not AXE.is_file():
        pytest.skip("accessibility was not checked: `make test-browser` fetches axe-core from npm")
    return AXE.read_text(encoding="utf-8")


@dataclass
class Visit:
    """A page that is open, and what went wrong or over the wire since.

    Attributes:
      page: of Playwright.
      messages: errors and warnings of the console, and exceptions.
      requests: addresses that the page requested, other than its own file and data it carries.
    """

    page: Page
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Notes errors and requests from now on."""

        def on_request(request: Request) -> None:
            if not request.url.startswith("data:") and request.resource_type != "document":
                self.requests.append(request.url)

        def on_console(message: Any) -> None:
            if message.type in ("error", "warning"):
                self.messages.append(message.text)

        self.page.on("request", on_request)
        self.page.on("requestfailed", lambda request: self.requests.append(request.url))
        self.page.on("console", on_console)
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("dialog", lambda dialog: self.messages.append(f"dialog: {dialog.message}"))


class Opener:
    """Opens files in windows of any size, light or dark."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def __call__(self, file: Path, width: int = 1440, scheme: str = "light") -> Visit:
        context = self._browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
            offline=True,
        )
        self._contexts.append(context)
        visit = Visit(context.new_page())
        visit.watch()
        visit.page.goto(file.resolve().as_uri())
        return visit

    def close(self) -> None:
        """Closes every window."""
        for context in self._contexts:
            context.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Opener]:
    opener = Opener(browser)
    yield opener
    opener.close()


@pytest.fixture(scope="session")
def report(sample_run: PipelineRun) -> Path:
    """The page that the run over the synthetic sample wrote."""
    return sample_run.output / "report" / "index.html"
