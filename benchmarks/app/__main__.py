"""Pages of the web application under load: `python -m benchmarks.app --help`."""

from __future__ import annotations

import argparse
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import requests

from benchmarks.measured_run import BenchmarkError
from benchmarks.serving.local_server import local_server
from benchmarks.serving.timings import measure
from benchmarks.tables import markdown

_EXAMPLES: Final = """\
examples:
  python -m benchmarks.app --models runs/serving
  python -m benchmarks.app --models runs/serving --at-once 1 4 16 --seconds 10

Starts the local model server and the application, each in a process of its own. Every thread is another user
of the data. The result goes to standard output as Markdown.
"""
# A page, and what it is called in the table.
_PAGES: Final = {
    "/": "For you",
    "/because": "Because you liked",
    "/films/1": "one film",
    "/films?query=the": "search",
    "/api/v1/movies?query=the&limit=8": "suggestions",
}
_PATIENCE: Final = 60.0
_TOKEN: Final = re.compile(r'name="csrf" value="([^"]+)"')


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns 0 if it could be measured, whatever came out."""
    options = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as name:
            _run(options, Path(name))
    except (BenchmarkError, requests.RequestException) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.app",
        description="Measure how long the pages of the web application take, alone and under load.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--models",
        type=Path,
        metavar="DIR",
        default=Path("runs/serving"),
        help="the folder that a run pushed to (%(default)s)",
    )
    parser.add_argument(
        "--at-once", type=int, nargs="+", default=[1, 4], metavar="N", help="visitors at a time (1 4)"
    )
    parser.add_argument(
        "--seconds", type=float, default=3.0, metavar="N", help="of each page and number (%(default)g)"
    )
    return parser


def _run(options: argparse.Namespace, folder: Path) -> None:
    (folder / "models").mkdir()
    rows = []
    with (
        local_server(options.models, folder / "models") as models,
        _application(models.root, models.address, folder) as address,
    ):
        visitors = [_visitor(address, user) for user in range(1, max(options.at_once) + 1)]
        for at_once in options.at_once:
            for path, name in _PAGES.items():

                def open_page(number: int, path: str = path, at_once: int = at_once) -> None:
                    answer = visitors[number % at_once].get(address + path, timeout=_PATIENCE)
                    answer.raise_for_status()

                found = measure(open_page, at_once, options.seconds)
                rows.append(
                    [name, str(at_once), f"{found.p50:.1f}", f"{found.p99:.1f}", f"{found.per_second:,.0f}"]
                )
    print(markdown(["page", "at once", "p50 ms", "p99 ms", "pages/s"], rows))


@contextmanager
def _application(models: Path, server: str, folder: Path) -> Iterator[str]:
    """The address of an application in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "serving", "app", f"--models={models}", f"--server={server}"]
    command += [f"--port={port}", f"--feedback={folder / 'feedback'}", "--requests-per-minute=1000000"]
    log = folder / "app.log"
    with log.open("wb") as stream, subprocess.Popen(command, stdout=stream, stderr=stream) as process:
        try:
            address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + _PATIENCE
            while not _answers(address):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise BenchmarkError(f"the application did not start: {log.read_text()[-2000:]}")
                time.sleep(0.1)
            yield address
        finally:
            process.terminate()


def _answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/readyz", timeout=_PATIENCE).ok
    except requests.ConnectionError:
        return False


def _visitor(address: str, user: int) -> requests.Session:
    """A browser that has chosen a user of the data."""
    session = requests.Session()
    found = _TOKEN.search(session.get(f"{address}/start", timeout=_PATIENCE).text)
    if found is None:
        raise BenchmarkError(f"{address}/start does not have a form")
    fields = {"csrf": found[1], "user_id": str(user)}
    session.post(f"{address}/start", data=fields, timeout=_PATIENCE).raise_for_status()
    return session


if __name__ == "__main__":
    sys.exit(main())
