"""Costs as Markdown tables that read well on a terminal too."""

from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.measured_run import NodeCost, RunCost

_MEGABYTE: Final = 1_000_000
_NUMBER_COLUMNS: Final = (
    "seconds",
    "peak MB",
    "growth MB",
    "ratings",
    "seconds an epoch",
    "ratings a second",
    "recall@10",
    "NDCG@10",
)


def node_table(run: RunCost) -> str:
    """One row for each node of a run, and a last one for the process from start to end."""
    rows = [
        [node.node_id, node.state, f"{node.seconds:.1f}", _megabytes(node.peak), _megabytes(node.growth)]
        for node in run.nodes
    ]
    total = ["whole process", "", f"{run.seconds:.1f}", _megabytes(run.peak), ""]
    return markdown(["node", "state", "seconds", "peak MB", "growth MB"], [*rows, total])


def scale_table(runs: Mapping[int, RunCost], nodes: Sequence[str]) -> str:
    """One row for each number of ratings, with `seconds / peak MB` of each of `nodes` and of the process."""
    rows = []
    for ratings, run in runs.items():
        by_id = {node.node_id: node for node in run.nodes}
        rows.append([f"{ratings:,}", *(_both(by_id[node]) for node in nodes), _both(run)])
    return markdown(["ratings", *(f"{node}, s / MB" for node in nodes), "whole process, s / MB"], rows)


def training_table(results: Mapping[str, Mapping[str, float]]) -> str:
    """One row for each of `results`, the metrics of a fit by name."""
    rows = [
        [
            name,
            f"{found['epoch_seconds']:.2f}",
            f"{found['ratings_per_second']:,.0f}",
            f"{found['recall']:.4f}",
            f"{found['ndcg']:.4f}",
        ]
        for name, found in results.items()
    ]
    return markdown(["model", "seconds an epoch", "ratings a second", "recall@10", "NDCG@10"], rows)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns padded to one width; numbers stand to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    right = [name in _NUMBER_COLUMNS or name.endswith(" MB") for name in header]
    rule = [
        "-" * (width - 1) + (":" if to_right else "-") for width, to_right in zip(widths, right, strict=True)
    ]
    lines = [
        [
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(row, widths, right, strict=True)
        ]
        for row in (header, *rows)
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def _both(cost: NodeCost | RunCost) -> str:
    return f"{cost.seconds:,.1f} / {_megabytes(cost.peak)}"


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:,.0f}"
