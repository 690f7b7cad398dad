"""The versions below a servable's folder, for people: what they are, and what is wrong with them."""

from __future__ import annotations

import posixpath
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from components.atomic_pusher.manifest import PUSH, Manifest, ManifestError
from components.atomic_pusher.overall_metrics import CANDIDATE
from components.atomic_pusher.sets import unfinished
from components.atomic_pusher.versions import changed_file, is_model, read_manifest, versions_in
from contracts import metrics
from pipeline.local_run.run_summary import shown

# Columns of a terminal.
_WIDTH: Final = 100
# The metrics that are shown; the manifest has all.
_METRICS: Final = (
    metrics.RECALL_AT[10],
    metrics.NDCG_AT[10],
    metrics.LIKED_RECALL,
    metrics.GRADED_NDCG,
    metrics.RMSE,
    metrics.MAE,
)
# Counts of what was measured, and their labels.
_COUNTS: Final = {"example_count": "ratings", "user_count": "users"}
# Enough of a sha256 to distinguish data, sources and schemas.
_SHORT: Final = 12
_INDENT: Final = "    "


class VersionError(ValueError):
    """One clear message: which folder or version is wrong, and what to do."""


@dataclass(frozen=True)
class ListedVersion:
    """A version below a servable's folder.

    Attributes:
      number: its number.
      origin: the version that first had its files.
      manifest: None if it has none, or none that can be read.
      complaint: what is wrong with it, "" if nothing is.
    """

    number: int
    origin: int
    manifest: Manifest | None
    complaint: str


def listed_versions(folder: str) -> dict[int, ListedVersion]:
    """The versions by number, in ascending order.

    Raises:
      VersionError: the folder cannot be read.
    """
    try:
        alone = unfinished(folder)
        return {
            number: _version(number, path, number in alone) for number, path in versions_in(folder).items()
        }
    except OSError as error:
        raise VersionError(f"{shown(folder)}: cannot be read ({error.strerror or error})") from error


def _version(number: int, path: str, alone: bool) -> ListedVersion:
    manifest, complaint = None, ""
    try:
        manifest = read_manifest(path)
    except ManifestError as error:
        complaint = str(error)
    if not is_model(path):
        complaint = f"{shown(path)} does not hold a saved_model.pb"
    elif manifest and alone:
        complaint = f"a killed push left it without {manifest.move.servables[-1]}; the next push removes it"
    return ListedVersion(number, manifest.origin if manifest else number, manifest, complaint)


def load_problem(folder: str, version: ListedVersion) -> str:
    """Why a server could not load the version, or would load something else than was pushed; "" if it can.

    Args:
      folder: of the servable.
      version: one without a complaint. Its files are read whole.
    """
    path = posixpath.join(folder, str(version.number))
    try:
        changed = changed_file(path, version.manifest) if version.manifest else None
    except OSError as error:
        return f"{shown(error.filename or path)} cannot be read ({error.strerror or error})"
    return f"cannot be loaded as it was pushed: {changed} has changed or is gone" if changed else ""


def version_lines(version: ListedVersion, served: bool) -> Iterator[str]:
    """The lines about a version, each as wide as a terminal at most."""
    for line in _lines(version, served):
        yield from textwrap.wrap(
            line,
            _WIDTH,
            initial_indent="" if line[:1] in "* " and line[2:3].isdigit() else _INDENT,
            subsequent_indent=_INDENT,
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        )


def _lines(version: ListedVersion, served: bool) -> Iterator[str]:
    mark = "*" if served else " "
    if version.complaint:
        yield f"{mark} {version.number}  NOT USABLE: {version.complaint}"
        return
    if version.manifest is None:
        yield f"{mark} {version.number}  pushed by something else: it does not have a manifest"
        return
    move, provenance = version.manifest.move, version.manifest.provenance
    what = "pushed" if move.action == PUSH else f"{move.action} to {move.copy_of}"
    away = "" if move.previous is None or move.action == PUSH else f" from {move.previous}"
    together = f", together: {', '.join(move.servables)}" if len(move.servables) > 1 else ""
    when = f"{move.time[:16].replace('T', ' ')} UTC"
    yield f"{mark} {version.number}  {what}{away} {when} by {move.user} on {move.host}{together}"
    if provenance.metrics:
        yield f"{_shown_metrics(provenance.metrics)} ({provenance.measured_on})"
    marks = {
        "run": provenance.run_id,
        **{name: digest[:_SHORT] for name, digest in provenance.data.items()},
        "schema": provenance.schema[:_SHORT],
        **{name: digest[:_SHORT] for name, digest in provenance.code.items()},
        "model": version.manifest.model_fingerprint[:_SHORT],
    }
    yield ", ".join(f"{name} {value}" for name, value in marks.items() if value)


def _shown_metrics(metrics: Mapping[str, Mapping[str, float]]) -> str:
    candidate = dict(metrics.get(CANDIDATE, {}))
    beside = {whose: measures for whose, measures in metrics.items() if whose != CANDIDATE}
    counts = [
        f"{int(candidate.pop(count, 0)):,} {what}" for count, what in _COUNTS.items() if count in candidate
    ]
    parts = []
    for name in _METRICS:
        if name not in candidate:
            continue
        others = [
            f"{whose} {measures[name]:.4g}"
            for whose, measures in beside.items()
            if measures.get(name) is not None
        ]
        parts.append(f"{name} {candidate[name]:.4g}" + (f" ({', '.join(others)})" if others else ""))
    return ", ".join([*parts, *counts])
