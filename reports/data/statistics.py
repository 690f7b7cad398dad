"""Statistics of each feature as TFDV counted them, the splits side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tensorflow_metadata.proto.v0 import statistics_pb2

from reports.charts import plots
from reports.section import Cell, Column, Part, Picture, Table

_STATISTICS_FILE: Final = "FeatureStats.pb"
# Categories in a small histogram, the most frequent ones of the first split.
_CATEGORIES: Final = 15
_TOP_SHOWN: Final = 3
_HISTOGRAMS: Final = "In a histogram the train split is filled and the eval split a line. "

_SHARED: Final = (
    Column("feature"),
    Column("split"),
    Column("distribution"),
    Column("missing", ".2%", "Share of the Examples that lack the feature"),
    Column("values each", ",.1f", "Mean number of values of an Example that has some"),
)

Statistics = Mapping[str, Any]
"""`DatasetFeatureStatisticsList`s by split, the train split first."""


def read_statistics(folder: Path) -> Statistics:
    """Reads the statistics of each split of an artifact."""
    found = {}
    for path in sorted(folder.glob(f"Split-*/{_STATISTICS_FILE}")):
        split = path.parent.name.removeprefix("Split-")
        found[split] = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
    return dict(sorted(found.items(), key=lambda pair: pair[0] != "train"))


def statistics_part(table: str, statistics: Statistics) -> Part:
    """Two tables, of numbers and of texts, with a row for each feature and split.

    A histogram lays the splits of a feature over each other.

    Args:
      table: what the Examples are, `ratings` or `movies`.
      statistics: of at least one split.
    """
    by_feature: dict[str, dict[str, Any]] = {}
    examples = {}
    for split, proto in statistics.items():
        dataset = proto.datasets[0]
        examples[split] = dataset.num_examples
        for feature in dataset.features:
            by_feature.setdefault(".".join(feature.path.step), {})[split] = feature
    numbers: list[tuple[Cell, ...]] = []
    texts: list[tuple[Cell, ...]] = []
    for name, by_split in sorted(by_feature.items()):
        picture = _histogram(f"data-{table}-{name.replace('.', '-')}", name, by_split)
        for split, feature in by_split.items():
            kind = feature.WhichOneof("stats")
            if kind == "num_stats":
                found = feature.num_stats
                values = found.mean, found.std_dev, found.min, found.median, found.max
                shared = _shared(name, split, picture, found.common_stats, examples[split])
                numbers.append((*shared, *values))
            elif kind == "string_stats":
                found = feature.string_stats
                shared = _shared(name, split, picture, found.common_stats, examples[split])
                texts.append((*shared, int(found.unique), _most_frequent(found)))
            picture = None  # The first row shows all splits.
    splits = " and ".join(f"{split} ({count:,} Examples)" for split, count in examples.items())
    return Part(
        f"data-{table}",
        f"Statistics of {table}",
        answer=f"{len(by_feature)} features; split{'s' if len(examples) > 1 else ''} {splits}.",
        text=(
            f"{_HISTOGRAMS if len(examples) > 1 else ''}Histograms of texts show the "
            f"{_CATEGORIES} most frequent values of the first split in its order.",
        ),
        tables=(
            Table(
                f"data-{table}-numbers",
                f"Numbers in the raw {table} Examples.",
                (
                    *_SHARED,
                    Column("mean", ",.4g"),
                    Column("std", ",.4g", "Standard deviation"),
                    Column("min", ",.10g"),
                    Column("median", ",.10g"),
                    Column("max", ",.10g"),
                ),
                tuple(numbers),
                filterable=True,
                empty="No feature is a number.",
            ),
            Table(
                f"data-{table}-texts",
                f"Texts in the raw {table} Examples.",
                (*_SHARED, Column("distinct", ",", "Distinct values"), Column("most frequent")),
                tuple(texts),
                filterable=True,
                empty="No feature is a text.",
            ),
        ),
    )


def _shared(name: str, split: str, picture: Picture | None, common: Any, examples: int) -> tuple[Cell, ...]:
    missing = 1 - common.num_non_missing / examples if examples else None
    return name, split, picture or "", missing, common.avg_num_values


def _most_frequent(texts: Any) -> str:
    return ", ".join(
        f"{plots.shortened(value.value, 24)} ({value.frequency:,.0f})"
        for value in texts.top_values[:_TOP_SHOWN]
    )


def _histogram(chart_id: str, name: str, by_split: Mapping[str, Any]) -> Picture | None:
    first = next(iter(by_split.values()))
    if first.WhichOneof("stats") == "string_stats":
        series = _categories(by_split)
    else:
        series = [found for feature in by_split.values() if (found := _bins(feature))]
    if not series or not any(any(heights) for _, heights in series):
        return None
    return Picture(
        plots.small_histogram(chart_id, series), f"Histogram of {name}, {' and '.join(by_split)} split"
    )


def _categories(by_split: Mapping[str, Any]) -> list[tuple[list[float], list[float]]]:
    """Shares of the most frequent values of the first split, in every split."""
    first = next(iter(by_split.values())).string_stats.rank_histogram.buckets
    labels = [bucket.label for bucket in first[:_CATEGORIES]]
    edges = [float(edge) for edge in range(len(labels) + 1)]
    found = []
    for feature in by_split.values():
        texts = feature.string_stats
        counts = {bucket.label: bucket.sample_count for bucket in texts.rank_histogram.buckets}
        total = texts.common_stats.tot_num_values or 1
        found.append((edges, [counts.get(label, 0) / total for label in labels]))
    return found if labels else []


def _bins(feature: Any) -> tuple[list[float], list[float]] | None:
    """Edges and densities of a feature's histogram of equal bins."""
    standard = statistics_pb2.Histogram.STANDARD
    for histogram in feature.num_stats.histograms:
        buckets = [bucket for bucket in histogram.buckets if math.isfinite(bucket.high_value)]
        if histogram.type != standard or not buckets:
            continue
        total = sum(bucket.sample_count for bucket in buckets) or 1
        # A feature with a single value has bins of width 0.
        if buckets[-1].high_value <= buckets[0].low_value:
            return [buckets[0].low_value - 0.5, buckets[0].low_value + 0.5], [1.0]
        edges = [buckets[0].low_value, *(bucket.high_value for bucket in buckets)]
        heights = [
            bucket.sample_count / total / max(bucket.high_value - bucket.low_value, 1e-12)
            for bucket in buckets
        ]
        return edges, heights
    return None
