"""The leaves of a tree of settings or metrics."""

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]


def leaves(tree: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yields every leaf with the names that lead to it; one that is None is not there."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*above, name))
        elif value is not None:
            yield (*above, name), value


def pairs(left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[tuple[Path, Any, Any]]:
    """Yields every leaf of either tree with its values; None where a tree lacks it."""
    found = dict(leaves(left)), dict(leaves(right))
    for path in {**found[0], **found[1]}:
        yield path, found[0].get(path), found[1].get(path)
