"""Makes the page of all commands from what `--help` of each prints."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PAGE: Final = "reference/commands.md"
PROJECT: Final = Path(__file__).parents[2]
PROGRAMS: Final = (
    ("local_runner.py",),
    ("kubeflow_runner.py",),
    ("-m", "pipeline"),
    ("-m", "movielens"),
    ("-m", "serving"),
    ("-m", "serving.model_server"),
    ("-m", "reports"),
    ("-m", "studies"),
    ("-m", "benchmarks"),
    ("-m", "benchmarks.serving"),
    ("-m", "benchmarks.app"),
)

_HEAD: Final = """\
# Commands

What `--help` of every command prints. Run them with `.venv/bin/python` in the folder of the project.
`make help` lists the targets of the Makefile.
"""
_CHOICE: Final = re.compile(r"^ {4}([a-z][a-z-]*)(?: {2,}|$)", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the page to the site."""
    files.append(File.generated(config, PAGE, content=commands_page()))
    return files


def commands_page() -> str:
    """Returns the page as Markdown."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return _HEAD + "".join("".join(parts) for parts in pool.map(_program, PROGRAMS))


def _program(program: tuple[str, ...]) -> list[str]:
    """Returns the section of a program, with its subcommands, each a heading and a block."""
    return list(_entries(program, 2))


def _entries(command: tuple[str, ...], level: int) -> Iterator[str]:
    text = _help(command)
    title = " ".join(("python", *command)) if command[0] == "-m" else " ".join(command)
    yield f"\n{'#' * level} `{title}`\n\n```text\n{text.strip()}\n```\n"
    listed = re.search(r"^positional arguments:\n(.*?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    if listed and re.search(r"^ {2}[A-Z]+$", listed[1], re.MULTILINE):
        for name in _CHOICE.findall(listed[1]):
            yield from _entries((*command, name), level + 1)


def _help(command: tuple[str, ...]) -> str:
    environment = {**os.environ, "COLUMNS": "110"}
    return subprocess.run(
        [sys.executable, *command, "--help"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
