"""`schema review` and `schema adopt`: what they show, confirm and write."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.commands.dialogue import confirmed, plain_console
from pipeline.commands.inferred_schema import (
    MOVIES_SCHEMA_GEN,
    RATINGS_SCHEMA_GEN,
    SchemaReviewError,
    inferred_schema_path,
    read_schema,
)
from pipeline.commands.schema_adoption import adopted, replace_file
from pipeline.commands.schema_review import FeatureReview, compare, lines
from pipeline.local_run.run_summary import shown
from schema import MOVIES_SCHEMA, RATINGS_SCHEMA

_SCHEMAS: Final = {
    "ratings": (RATINGS_SCHEMA, RATINGS_SCHEMA_GEN),
    "movies": (MOVIES_SCHEMA, MOVIES_SCHEMA_GEN),
}


@dataclass(frozen=True)
class _Comparison:
    """A curated schema, what was inferred for it, and where they differ."""

    curated_path: Path
    inferred_path: Path
    inferred: schema_pb2.Schema
    features: frozenset[str]
    differences: Sequence[FeatureReview]


def review(output: str, of: str | None) -> bool:
    """Shows how the latest run's data differs from the curated schemas and returns whether it does.

    Args:
      output: the output folder of the runs.
      of: "ratings" or "movies", or None for both.

    Raises:
      SchemaReviewError: there is no run, or a schema cannot be read.
    """
    console = plain_console()
    comparisons = _comparisons(output, of)
    for comparison in comparisons:
        _show(console, comparison, comparison.differences)
    return any(comparison.differences for comparison in comparisons)


def adopt(output: str, of: str | None, names: Collection[str], yes: bool) -> bool:
    """Makes features of the curated schemas as the data has them; returns False if the user declined.

    Args:
      output: the output folder of the runs.
      of: "ratings" or "movies", or None for both.
      names: the features; none stands for all that are new or changed.
      yes: whether to go without a question.

    Raises:
      SchemaReviewError: there is no run, a feature cannot be adopted, or a file cannot be written.
    """
    console = plain_console()
    comparisons = _comparisons(output, of)
    _check_names(comparisons, names)
    chosen = {
        comparison.curated_path: (comparison, differences)
        for comparison in comparisons
        if (differences := _adoptable(comparison, names))
    }
    if not chosen:
        console.print("nothing to adopt: none of the data's features is new or changed")
        return True
    for comparison, differences in chosen.values():
        _show(console, comparison, differences)
    if not yes and not confirmed(
        f"Write this to {' and '.join(shown(str(path)) for path in chosen)}? [y/N] ", SchemaReviewError
    ):
        console.print("nothing was written")
        return False
    for path, (comparison, differences) in chosen.items():
        found = [difference.name for difference in differences]
        try:
            replace_file(path, adopted(path.read_text(encoding="utf-8"), comparison.inferred, found))
        except OSError as error:
            raise SchemaReviewError(f"{shown(str(path))}: cannot be written ({error.strerror})") from error
        console.print(f"{shown(str(path))}: adopted {', '.join(found)}")
    return True


def _comparisons(output: str, of: str | None) -> list[_Comparison]:
    result = []
    for curated_path, node_id in [_SCHEMAS[of]] if of else _SCHEMAS.values():
        inferred_path = inferred_schema_path(output, node_id)
        curated, inferred = read_schema(curated_path), read_schema(inferred_path)
        features = frozenset(feature.name for feature in [*curated.feature, *inferred.feature])
        differences = compare(curated, inferred)
        result.append(_Comparison(curated_path, inferred_path, inferred, features, differences))
    return result


def _adoptable(comparison: _Comparison, names: Collection[str]) -> list[FeatureReview]:
    return [
        difference
        for difference in comparison.differences
        if difference.kind != "missing" and (not names or difference.name in names)
    ]


def _check_names(comparisons: Iterable[_Comparison], names: Iterable[str]) -> None:
    known = set().union(*(comparison.features for comparison in comparisons))
    inferred = {feature.name for comparison in comparisons for feature in comparison.inferred.feature}
    for name in names:
        if name not in known:
            raise SchemaReviewError(f"no feature {name!r}; there are {', '.join(sorted(known))}")
        if name not in inferred:
            raise SchemaReviewError(
                f"the data of the latest run does not have {name!r}, so there is nothing to adopt; "
                f"if the feature is gone for good, delete it from the curated schema"
            )


def _show(console: Console, comparison: _Comparison, differences: Sequence[FeatureReview]) -> None:
    verdict = "" if differences else ": no difference"
    console.print(f"{shown(str(comparison.curated_path))} -> {shown(str(comparison.inferred_path))}{verdict}")
    for line in lines(differences):
        console.print(line)
