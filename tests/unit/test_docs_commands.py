"""The documentation: commands that exist, with flags that they have, and files that are there."""

import argparse
import contextlib
import importlib
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.model_probe.contract import CONTRACTS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")],
    key=lambda path: path.as_posix(),
)
# Pages that the build makes from the code.
GENERATED = {ROOT / "docs/reference/settings.md", ROOT / "docs/reference/commands.md"}
# Commands of other programs, which no test here can run.
OTHER_PROGRAMS = {"docker", "kubectl", "pip", "npm", "jq", "uv"}
# What the installed command runs.
INSTALLED = {"run": "local_runner", "compile": "kubeflow_runner"}
# The program behind each target of the Makefile that hands ARGS on.
TARGETS = {
    "run": "local_runner",
    "studies": "studies",
    "serve": "serving serve",
    "bench": "benchmarks",
    "bench-serving": "benchmarks.serving",
    "bench-app": "benchmarks.app",
    "app": "serving app",
}

_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)")


def commands() -> Iterator[Any]:
    for page in PAGES:
        for block in _BLOCK.findall(page.read_text("utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                for part in _piped(words):
                    yield pytest.param(part, id=f"{page.relative_to(ROOT)}: {' '.join(part)}")


def _piped(words: list[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for word in [*words, "|"]:
        if word in ("|", "&&"):
            if part:
                yield part
            part = []
        else:
            part.append(word)


@pytest.mark.parametrize("words", commands())
def test_command_exists_and_takes_its_flags(words: list[str]) -> None:
    words = [word for word in words if not re.match(r"^[A-Z_]+=\S*$", word) or word.startswith("ARGS=")]
    program, *rest = words
    program = program.rpartition("/")[2]
    if program == "make":
        _check_make(rest)
    elif program == "movielens-recommender":
        _parse(INSTALLED[rest[0]], rest[1:])
    elif program.startswith("python"):
        _check_python(rest)
    elif program == "curl":
        _check_curl(rest)
    else:
        assert program in OTHER_PROGRAMS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_linked_files_are_there(page: Path) -> None:
    links = [(page.parent / link).resolve() for link in _LINK.findall(page.read_text("utf-8"))]

    assert [link for link in links if not link.exists() and link not in GENERATED] == []


def test_pages_of_the_site_are_in_its_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8").split("\nnav:\n")[1]
    listed = {ROOT / "docs" / page for page in re.findall(r"(\S+\.md)$", navigation, re.MULTILINE)}

    assert listed == {page for page in PAGES if ROOT / "docs" in page.parents} | GENERATED


def _check_make(words: list[str]) -> None:
    targets = [word for word in words if "=" not in word]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    for word in words:
        name, _, value = word.partition("=")
        if name == "ARGS" and targets[0] in TARGETS:
            module, *before = TARGETS[targets[0]].split()
            _parse(module, [*before, *shlex.split(value)])


def _check_python(words: list[str]) -> None:
    if words[:2] == ["-m", "venv"]:
        return
    if words[0] == "-m":
        _parse(words[1], words[2:])
    else:
        assert (ROOT / words[0]).is_file()
        _parse(words[0].removesuffix(".py"), words[1:])


def _parse(module: str, words: list[str]) -> None:
    found = importlib.import_module(module)
    if (Path(str(found.__file__)).name) == "__init__.py":
        found = importlib.import_module(f"{module}.__main__")
    parser_of: Callable[..., argparse.ArgumentParser] | None = getattr(found, "_parser", None)
    if parser_of is None:
        # The local model server reads its flags as TensorFlow Serving does.
        assert module == "serving.model_server"
        return
    before_server_flags = words[: words.index("--")] if "--" in words else words
    parser = parser_of(words) if module == "serving" else parser_of()
    with contextlib.ExitStack() as stack:
        if "--help" in words:
            stop = stack.enter_context(pytest.raises(SystemExit))
        parser.parse_args(before_server_flags)
    assert "--help" not in words or stop.value.code == 0


def _check_curl(words: list[str]) -> None:
    [url] = [word for word in words if word.startswith("http")]
    [body] = [json.loads(word) for word in words if word.startswith("{")]
    servable, verb = re.match(r"http://localhost:8501/v1/models/(\w+):(\w+)$", url).groups()  # type: ignore[union-attr]
    signature = CONTRACTS[servable][body.get("signature_name", "serving_default")]
    assert verb == "predict"
    if "inputs" in body:
        assert set(body["inputs"]) == set(signature.inputs)
        return
    # The row form gives each input a row, which a scalar does not have.
    assert all(rank > 0 for _, rank in signature.inputs.values())
    for row in body["instances"]:
        assert not isinstance(row, dict) or set(row) == set(signature.inputs)
