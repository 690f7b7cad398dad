"""Lists measured over seeds: a table, the final list beside the order of retrieval, and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.tables import markdown
from contracts.metrics import COVERAGE
from studies import tables
from studies.data.split_data import Floats, SplitData
from studies.served_list.lists import FINAL, RETRIEVAL_ORDER, RankedIds
from studies.served_list.measures import (
    METRICS,
    MOST_COMMON,
    Difference,
    differences,
    metrics_of,
    spread,
    sums_by_user,
)

RESULTS_JSON: Final = "results.json"
# Seeds the resampling of users.
_SEED: Final = 0

# The lists of a seed, by order.
SeedLists = Mapping[str, RankedIds]


def write_report(name: str, data: SplitData, lists: Mapping[int, SeedLists], folder: Path) -> str:
    """Measures lists and writes `results.json` and `results.md`; returns the tables as Markdown.

    Args:
      name: what the data is called.
      data: what was withheld, and the rest.
      lists: of `names_of_users`, by seed and order.
      folder: where to write.
    """
    sums: dict[str, list[Floats]] = {}
    metrics: dict[str, dict[str, dict[str, float]]] = {}
    for seed, of_seed in lists.items():
        for order, ranked in of_seed.items():
            ids = [[movie.encode() for movie in movies] for movies in ranked]
            by_user = sums_by_user(data, ids)
            sums.setdefault(order, []).append(by_user)
            metrics.setdefault(order, {})[str(seed)] = {
                **dict(zip(METRICS, metrics_of(by_user.sum(axis=0)).tolist(), strict=True)),
                **spread(ids, len(data.movie_ids)),
            }
    over = differences(np.stack(sums[FINAL]), np.stack(sums[RETRIEVAL_ORDER]), _SEED)
    compared = dict(zip(METRICS, over, strict=True))
    results = {
        "data": name,
        "users": len(data.evaluation),
        "lists": metrics,
        "final list minus retrieval order": {metric: each._asdict() for metric, each in compared.items()},
    }
    (folder / RESULTS_JSON).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    where = f"{name}, the last ratings of {len(data.evaluation):,} users, seeds {', '.join(map(str, lists))}"
    parts = [
        (where, _table(metrics)),
        (f"{FINAL.capitalize()} minus {RETRIEVAL_ORDER}, mean over seeds", _comparison(compared)),
    ]
    tables.write_page(folder / "results.md", "Served list", parts)
    return (folder / "results.md").read_text(encoding="utf-8")


def _table(metrics: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    columns = (*METRICS, COVERAGE, MOST_COMMON)
    body = []
    for order, by_seed in metrics.items():
        rows = [{column: str(of_seed[column]) for column in columns} for of_seed in by_seed.values()]
        body.append([order, *(tables.mean_and_deviation(rows, column) for column in columns)])
    return markdown(["list", *columns], body)


def _comparison(compared: Mapping[str, Difference]) -> str:
    return markdown(
        ["metric", "difference", "95 % interval", "relative"],
        [
            [
                metric,
                f"{each.value:+.4f}",
                f"{each.low:+.4f} to {each.high:+.4f}",
                "-" if each.relative is None else f"{each.relative:+.1%}",
            ]
            for metric, each in compared.items()
        ],
    )
