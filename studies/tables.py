"""Means over seeds, as rows for people."""

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from studies.results import Row

# The five folds are one protocol: their metrics are averaged.
FOLDS: Final = "u1-u5"
FOLD_NAMES: Final = tuple(f"u{fold}" for fold in range(1, 6))


def mean_and_deviation(rows: Sequence[Row], name: str, digits: int = 4) -> str:
    """`.2344` of one row, `.2344 ± .0012` of several (the sample's standard deviation), `-` of none."""
    values = [float(row[name]) for row in rows if row[name]]
    if not values:
        return "-"
    mean = number(statistics.fmean(values), digits)
    return mean if len(values) == 1 else f"{mean} ± {number(statistics.stdev(values), digits)}"


def mean(rows: Sequence[Row], name: str) -> float:
    """The mean of a column, not a number where no row has it."""
    values = [float(row[name]) for row in rows if row[name]]
    return statistics.fmean(values) if values else float("nan")


def number(value: float, digits: int) -> str:
    """`.2344` for 0.2344 and `1.0326` for 1.0326."""
    text = f"{value:.{digits}f}"
    return text.removeprefix("0") if digits else text


def by_model(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows by the name of the model, in the order in which the names come."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["model"], []).append(row)
    return grouped


def fold_means(rows: Sequence[Row], name: str) -> list[Row]:
    """The means over the five folds of a column, a row for each seed that has all five."""
    seeds: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row["split"] in FOLD_NAMES:
            seeds.setdefault(row["seed"], {})[row["split"]] = row
    return [
        {**of_seed[FOLD_NAMES[0]], name: f"{mean(list(of_seed.values()), name):.6f}"}
        for of_seed in seeds.values()
        if set(of_seed) == set(FOLD_NAMES)
    ]


def write_page(path: Path, title: str, parts: Iterable[tuple[str, str]]) -> None:
    """Writes a Markdown page of headed parts."""
    text = "".join(f"\n## {heading}\n\n{part.strip()}\n" for heading, part in parts)
    path.write_text(f"# {title}\n{text}", encoding="utf-8")


def chosen(row: Row) -> str:
    """What tuning chose, for a table."""
    settings = json.loads(row["settings"])
    return ", ".join(f"{name} {value:g}" for name, value in settings.items()) or "-"
