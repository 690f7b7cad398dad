"""A fingerprint of the source code that a node runs, for its cache key.

TFX's cache key holds the name of a `run_fn` or of an executor but not what it does, so an edited trainer
would be served from the cache.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

import grimp

# The packages that a node's code can be in. Only those beside this one count, so that an installed package
# of another project with the same name is not taken for ours.
PACKAGES: Final = (
    "components",
    "contracts",
    "distances",
    "movielens",
    "pipeline",
    "reports",
    "schema",
    "serving",
    "trainer_module",
)
PROJECT: Final = Path(__file__).resolve().parent.parent


@cache
def source_fingerprint(module: str) -> str:
    """Returns a sha256 (hex) over the source of a module and of all modules of ours that it imports.

    Imports count wherever they stand in a file, at any depth, packages' `__init__` files included; those
    for type checkers alone do not. What is hashed is the syntax tree without docstrings, because a reworded
    comment or a new line break is not a reason to train again. Modules that are imported by a name put
    together at run time are not seen.

    Args:
      module: dotted name of a module, or of something that it defines:
        `trainer_module.retrieval.run_fn` or `trainer_module.retrieval.run_fn.run_fn`.

    Raises:
      ValueError: no module of ours has that name.
    """
    graph = _import_graph()
    name = module if module in graph.modules else module.rpartition(".")[0]
    if name not in graph.modules:
        raise ValueError(f"{module} names neither a module below {', '.join(PACKAGES)} nor something in one")
    digest = hashlib.sha256()
    for source in sorted(_imported_by(name, graph)):
        digest.update(f"{source} {_syntax_hash(source)}\n".encode())
    return digest.hexdigest()


@cache
def _import_graph() -> grimp.ImportGraph:
    packages = [package for package in PACKAGES if (PROJECT / package / "__init__.py").is_file()]
    return grimp.build_graph(*packages, cache_dir=None, exclude_type_checking_imports=True)


def _imported_by(module: str, graph: grimp.ImportGraph) -> set[str]:
    """`module` and everything of ours that runs when it is imported."""
    found: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        found.add(name)
        # Importing a.b.c runs a/__init__.py and a/b/__init__.py first.
        package = name.rpartition(".")[0]
        waiting |= (graph.find_modules_directly_imported_by(name) | ({package} - {""})) - found
    return found


@cache
def _syntax_hash(module: str) -> str:
    path = PROJECT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(path.read_bytes(), filename=str(path))
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and ast.get_docstring(node, clean=False) is not None
        ):
            del node.body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()
