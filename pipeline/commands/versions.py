"""`versions`, `promote` and `rollback`: what they show, ask and do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from components.atomic_pusher.history import LOG_FILE
from components.atomic_pusher.manifest import PROMOTE, PUSH, ROLLBACK, Action, Manifest, ManifestError
from components.atomic_pusher.overall_metrics import CANDIDATE
from components.atomic_pusher.publishing import PushError, point
from components.atomic_pusher.versions import is_model, read_manifest, served_version, versions_in
from pipeline.commands.dialogue import confirmed, plain_console
from pipeline.config import JOINT, MODELS, PipelineConfig
from pipeline.local_run.run_summary import shown

# Metrics that say how much was measured, and what to call that.
_COUNTS: Final = {"example_count": "ratings", "user_count": "users"}
# Enough of a sha256 to tell data, sources and schemas apart.
_SHORT: Final = 12


class VersionError(ValueError):
    """One clear message: which folder or version is wrong, and what to do."""


@dataclass(frozen=True)
class _Version:
    """A version below a model's folder.

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


def show_versions(output: str, model: str | None) -> None:
    """Lists the versions of one model or of all, with their metrics, and which is served.

    Args:
        output: the output folder of the runs.
        model: the name of a model, or None.

    Raises:
        VersionError: there are none.
    """
    folders = {name: _folder(output, name) for name in ([model] if model else MODELS)}
    found = {name: _versions(folder) for name, folder in folders.items()}
    if not any(found.values()):
        raise VersionError(
            f"no version below {' and '.join(map(shown, folders.values()))}; name the output folder of a "
            "run with --output, or run local_runner.py first"
        )
    console = plain_console()
    for name, folder in folders.items():
        if not found[name] and name == JOINT:  # Most pipelines train none.
            continue
        served = served_version(folder)
        told = "no version" if served is None else f"version {served} is served by default"
        console.print(f"{name}: {told} [{shown(folder)}]")
        for version in reversed(found[name].values()):
            for line in _lines(version, version.number == served):
                console.print(line)
        if found[name]:
            console.print(f"  who served what when: {shown(f'{folder}/{LOG_FILE}')}")


def promote(output: str, model: str, version: int, yes: bool) -> bool:
    """Makes a version's model the served one; returns False if the user declined.

    Args:
        output: the output folder of the runs.
        model: the name of the model.
        version: the version.
        yes: whether to go without a question.

    Raises:
        VersionError: there is no such version, or it cannot be served.
    """
    folder, versions, served = _state(output, model)
    target = _known(versions, version, folder)
    if target.origin == served.origin:
        plain_console().print(f"{model}: {_same_model(target, served)} is served already; nothing to do")
        return True
    return _point(model, folder, served, target, PROMOTE, yes)


def rollback(output: str, model: str, version: int | None, yes: bool) -> bool:
    """Makes an earlier model the served one again; returns False if the user declined.

    Args:
        output: the output folder of the runs.
        model: the name of the model.
        version: the version, or None for the model that was pushed before the served one.
        yes: whether to go without a question.

    Raises:
        VersionError: there is no such version or no earlier one, or it cannot be served.
    """
    folder, versions, served = _state(output, model)
    earlier = {
        each.origin: each for each in versions.values() if each.origin < served.origin and not each.complaint
    }
    # The version that was pushed, where it is still there, and not a later copy of it.
    earlier = {origin: versions.get(origin, each) for origin, each in earlier.items()}
    if version is None and not earlier:
        raise VersionError(
            f"{shown(folder)} holds no model from before version {served.number}; "
            "`python -m pipeline versions` lists what there is"
        )
    target = earlier[max(earlier)] if version is None else _known(versions, version, folder)
    if target.origin == served.origin:
        raise VersionError(f"{_same_model(target, served)} is served already")
    if target.origin > served.origin:
        raise VersionError(
            f"version {target.number} is newer than the model that is served, which is not a rollback; "
            f"`python -m pipeline promote {model} {target.number}` serves it"
        )
    return _point(model, folder, served, target, ROLLBACK, yes)


def _point(model: str, folder: str, served: _Version, target: _Version, action: Action, yes: bool) -> bool:
    console = plain_console()
    console.print(f"{model} in {shown(folder)}, from:")
    for line in _lines(served, True):
        console.print(line)
    console.print("to:")
    for line in _lines(target, False):
        console.print(line)
    question = f"Serve the model of version {target.number}, as a new version? [y/N] "
    if not yes and not confirmed(question, VersionError):
        console.print("nothing was changed")
        return False
    try:
        made = point(folder, target.number, action)
    except PushError as error:
        raise VersionError(str(error)) from error
    console.print(
        f"version {made.version}, a copy of {target.number}, is served from now on: a server that watches "
        "the folder loads it by itself"
    )
    return True


def _state(output: str, model: str) -> tuple[str, Mapping[int, _Version], _Version]:
    folder = _folder(output, model)
    versions = _versions(folder)
    served = served_version(folder)
    if served is None:
        raise VersionError(
            f"{shown(folder)} holds no version to choose from; name the output folder of a run with "
            "--output, or run local_runner.py first"
        )
    return folder, versions, versions[served]


def _known(versions: Mapping[int, _Version], number: int, folder: str) -> _Version:
    if number not in versions:
        there = ", ".join(map(str, versions))
        raise VersionError(f"{shown(folder)} has no version {number}; there are: {there}")
    version = versions[number]
    if version.complaint:
        raise VersionError(f"version {number} cannot be served: {version.complaint}")
    return version


def _folder(output: str, model: str) -> str:
    return PipelineConfig(output=output).serving_dir(model)


def _versions(folder: str) -> dict[int, _Version]:
    try:
        there = versions_in(folder)
        return {number: _version(number, path) for number, path in there.items()}
    except OSError as error:
        raise VersionError(f"{shown(folder)}: cannot be read ({error.strerror or error})") from error


def _version(number: int, path: str) -> _Version:
    manifest, complaint = None, ""
    try:
        manifest = read_manifest(path)
    except ManifestError as error:
        complaint = str(error)
    if not is_model(path):
        complaint = f"{shown(path)} holds no saved_model.pb"
    return _Version(number, manifest.origin if manifest else number, manifest, complaint)


def _lines(version: _Version, served: bool) -> Iterator[str]:
    mark = "*" if served else " "
    if version.complaint:
        yield f"{mark} {version.number}  {version.complaint}"
        return
    if version.manifest is None:
        yield f"{mark} {version.number}  pushed by something else: it has no manifest"
        return
    move, provenance = version.manifest.move, version.manifest.provenance
    what = "pushed" if move.action == PUSH else f"{move.action} to {move.copy_of}"
    away = "" if move.previous is None or move.action == PUSH else f" from {move.previous}"
    yield f"{mark} {version.number}  {what}{away} {move.time} by {move.user} on {move.host}"
    if provenance.metrics:
        yield f"    {_shown_metrics(provenance.metrics)} ({provenance.measured_on})"
    marks = {
        "run": provenance.run_id,
        **{name: digest[:_SHORT] for name, digest in provenance.data.items()},
        "schema": provenance.schema[:_SHORT],
        **{name: digest[:_SHORT] for name, digest in provenance.code.items()},
        "model": version.manifest.model_fingerprint[:_SHORT],
    }
    yield "    " + ", ".join(f"{name} {value}" for name, value in marks.items() if value)


def _shown_metrics(metrics: Mapping[str, Mapping[str, float]]) -> str:
    candidate = dict(metrics.get(CANDIDATE, {}))
    beside = {whose: measures for whose, measures in metrics.items() if whose != CANDIDATE}
    counts = [
        f"{int(candidate.pop(count, 0)):,} {what}" for count, what in _COUNTS.items() if count in candidate
    ]
    shown = []
    for name, value in candidate.items():
        others = [
            f"{whose} {measures[name]:.4g}"
            for whose, measures in beside.items()
            if measures.get(name) is not None
        ]
        shown.append(f"{name} {value:.4g}" + (f" ({', '.join(others)})" if others else ""))
    return ", ".join([*shown, *counts])


def _same_model(target: _Version, served: _Version) -> str:
    if target.number == served.number:
        return f"version {served.number}"
    return f"the model of version {target.number}, as version {served.number},"
