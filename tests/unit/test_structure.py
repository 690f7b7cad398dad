"""The shape of the code: names that are unique, and files and folders of a size that can be read."""

import ast
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
MAX_LINES: Final = 300
MAX_FILES: Final = 20


def sources() -> Iterator[Path]:
    """The Python files of the project that are under version control or about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return (Path(line) for line in listed.splitlines() if (ROOT / line).is_file())


def code() -> list[Path]:
    return [path for path in sources() if path.parts[0] != "tests"]


def test_a_class_name_is_that_of_one_class() -> None:
    owners: dict[str, list[str]] = defaultdict(list)
    for path in code():
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                owners[node.name].append(str(path))
    assert {name: paths for name, paths in owners.items() if len(paths) > 1} == {}


def test_no_code_file_is_long() -> None:
    lines = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in code()}
    assert {path: many for path, many in lines.items() if many > MAX_LINES} == {}


def test_no_folder_has_many_files() -> None:
    folders = Counter(path.parent for path in sources())
    assert {folder: many for folder, many in folders.items() if many > MAX_FILES} == {}
