"""Tables for people and JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from serving.commands import CommandError


def print_json(value: Any) -> None:
    """Prints one line of JSON."""
    print(json.dumps(value, ensure_ascii=False))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str) -> None:
    """Prints a table; columns of numbers are aligned right.

    Args:
      title: a line above it.
      columns: the headings.
      rows: the cells of each row; floats are shown with two decimals.
      caption: a line below it.

    Raises:
      CommandError: rich, which draws it, is not installed.
    """
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ModuleNotFoundError as error:
        raise CommandError(
            "tables need rich: install movielens-recommender-client[command], or add --json"
        ) from error

    cells = [list(row) for row in rows]
    table = Table(
        title=Text(title), caption=Text(caption), title_justify="left", caption_justify="left", box=None
    )
    for index, column in enumerate(columns):
        numbers = all(isinstance(row[index], int | float) for row in cells)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(f"{cell:.2f}" if isinstance(cell, float) else str(cell)) for cell in row))
    Console(highlight=False).print(table)
