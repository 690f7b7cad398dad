"""`versions`, `promote` and `rollback`: what they show, confirm and do."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from components.atomic_pusher.history import LOG_FILE
from components.atomic_pusher.manifest import PROMOTE, ROLLBACK, Action
from components.atomic_pusher.publishing import PushError, point
from components.atomic_pusher.versions import served_version
from contracts.signatures import JOINT, PUBLISHED_TOGETHER, RECOMMENDER, SERVABLES
from pipeline.commands.dialogue import confirmed, plain_console
from pipeline.commands.version_listing import (
    ListedVersion,
    VersionError,
    listed_versions,
    load_problem,
    version_lines,
)
from pipeline.config import PipelineConfig
from pipeline.local_run.run_summary import shown

__all__ = ["VersionError", "promote", "rollback", "show_versions"]


@dataclass(frozen=True)
class _Served:
    """A servable that has a version.

    Attributes:
      name: its name.
      folder: its folder.
      versions: by number, in ascending order.
      version: the one that is served.
    """

    name: str
    folder: str
    versions: Mapping[int, ListedVersion]
    version: ListedVersion


def show_versions(output: str, model: str | None) -> None:
    """Lists the versions of one servable or of all, with their metrics, and which is served.

    Args:
      output: the output folder of the runs.
      model: the name of a servable, or None.

    Raises:
      VersionError: there are none.
    """
    folders = {name: _folder(output, name) for name in ([model] if model else SERVABLES)}
    found = {name: listed_versions(folder) for name, folder in folders.items()}
    if not any(found.values()):
        raise VersionError(
            f"no version below {' and '.join(map(shown, folders.values()))}; name the output folder of "
            "a run with --output, or run local_runner.py first"
        )
    console = plain_console()
    for name, folder in folders.items():
        if not found[name] and name == JOINT:  # Most pipelines train none.
            continue
        served = served_version(folder)
        state = "no version" if served is None else f"version {served} is served by default"
        console.print(f"{name}: {state} [{shown(folder)}]")
        for listed in reversed(found[name].values()):
            problem = listed.complaint or load_problem(folder, listed)
            version = dataclasses.replace(listed, complaint=problem)
            for line in version_lines(version, version.number == served):
                console.print(line)
        if found[name]:
            console.print(f"  who served what when: {shown(f'{folder}/{LOG_FILE}')}")


def promote(output: str, version: int, only: str | None, yes: bool) -> bool:
    """Makes the models of a version the served ones; returns False if the user declined.

    Args:
      output: the output folder of the runs.
      version: the version.
      only: the servable that moves; None stands for all that were published together.
      yes: whether to go without a question.

    Raises:
      VersionError: there is no such version, it cannot be served, or servables would be split.
    """
    moving = _moving(output, version, only)
    if _is_served(moving, version):
        plain_console().print(f"{_same_models(moving, version)} is served already; nothing to do")
        return True
    return _point(moving, version, PROMOTE, yes)


def rollback(output: str, version: int | None, only: str | None, yes: bool) -> bool:
    """Makes the models of an earlier version the served ones again; returns False if the user declined.

    Args:
      output: the output folder of the runs.
      version: the version, or None for the one that was pushed before what is served.
      only: the servable that moves; None stands for all that were published together.
      yes: whether to go without a question.

    Raises:
      VersionError: there is no such version or no earlier one, it cannot be served, or servables would be
        split.
    """
    target = _pushed_before(_state(output, only or _lead(output))) if version is None else version
    moving = _moving(output, target, only)
    if _is_served(moving, target):
        raise VersionError(f"{_same_models(moving, target)} is served already")
    if any(each.versions[target].origin > each.version.origin for each in moving):
        flag = f" --only {only}" if only else ""
        raise VersionError(
            f"version {target} is newer than what is served, so going there is not a rollback; "
            f"`python -m pipeline promote {target}{flag}` serves it"
        )
    return _point(moving, target, ROLLBACK, yes)


def _pushed_before(served: _Served) -> int:
    """The version that was pushed before the served one, where it is there, and not a later copy of it."""
    earlier = {
        each.origin: each
        for each in served.versions.values()
        if each.origin < served.version.origin and not each.complaint
    }
    if not earlier:
        raise VersionError(
            f"{shown(served.folder)} does not hold a model from before version {served.version.number}; "
            "`python -m pipeline versions` lists what there is"
        )
    origin = max(earlier)
    return served.versions.get(origin, earlier[origin]).number


def _moving(output: str, version: int, only: str | None) -> list[_Served]:
    """The servables that go to a version together, in the order in which they are published.

    Raises:
      VersionError: one of them does not have it, or they were not published together.
    """
    names = [only] if only else _published_together(output, version)
    moving = [_state(output, name) for name in names]
    for each in moving:
        if version not in each.versions:
            there = ", ".join(map(str, each.versions))
            raise VersionError(f"{shown(each.folder)} lacks version {version}; there are: {there}")
        target = each.versions[version]
        if complaint := target.complaint or load_problem(each.folder, target):
            raise VersionError(f"version {version} of {each.name} cannot be served: {complaint}")
    return moving


def _published_together(output: str, version: int) -> list[str]:
    there = {name: listed_versions(_folder(output, name)) for name in SERVABLES}
    holders = [name for name in SERVABLES if version in there[name]]
    if not holders:
        numbers = sorted({number for versions in there.values() for number in versions})
        raise VersionError(
            f"{shown(posixpath.dirname(_folder(output, RECOMMENDER)))} lacks version {version}; there "
            f"are: {', '.join(map(str, numbers)) or 'none'}"
        )
    manifests = [there[name][version].manifest for name in holders]
    together = max((each.move.servables for each in manifests if each), key=len, default=())
    if together not in ((JOINT,), PUBLISHED_TOGETHER) and holders != [JOINT]:
        raise VersionError(
            f"version {version} is of {' and '.join(holders)} alone, and the models of one run are served "
            f"together; `--only {holders[0]}` serves this one beside the others as they are"
        )
    missing = [name for name in together if name not in holders]
    if missing:
        raise VersionError(
            f"{' and '.join(missing)} lacks version {version} now, and the models of one run are "
            f"served together; `--only {holders[0]}` serves that one beside the others as they are"
        )
    return list(together) or holders


def _is_served(moving: list[_Served], version: int) -> bool:
    return all(each.versions[version].origin == each.version.origin for each in moving)


def _point(moving: list[_Served], version: int, action: Action, yes: bool) -> bool:
    console = plain_console()
    for each in moving:
        console.print(f"{each.name} in {shown(each.folder)}, from:")
        for line in version_lines(each.version, True):
            console.print(line)
        console.print("to:")
        for line in version_lines(each.versions[version], False):
            console.print(line)
    names = ", ".join(each.name for each in moving)
    if not yes and not confirmed(
        f"Serve version {version} of {names}, as a new version? [y/N] ", VersionError
    ):
        console.print("nothing was changed")
        return False
    try:
        made = point([each.folder for each in moving], version, action)
    except PushError as error:
        raise VersionError(str(error)) from error
    console.print(
        f"version {made[0].version}, a copy of {version}, is served from now on: a server that watches the "
        "folders loads it by itself"
    )
    return True


def _lead(output: str) -> str:
    """The servable by which a run is served: that of the whole list, or a joint model where that is newer."""
    served = {name: served_version(_folder(output, name)) or -1 for name in (RECOMMENDER, JOINT)}
    return max(served, key=lambda name: served[name])


def _state(output: str, name: str) -> _Served:
    folder = _folder(output, name)
    versions = listed_versions(folder)
    served = served_version(folder)
    if served is None:
        raise VersionError(
            f"{shown(folder)} does not hold a version to choose from; name the output folder of a run with "
            "--output, or run local_runner.py first"
        )
    return _Served(name, folder, versions, versions[served])


def _folder(output: str, name: str) -> str:
    return PipelineConfig(output=output).serving_dir(name)


def _same_models(moving: list[_Served], version: int) -> str:
    served = {each.version.number for each in moving} - {version}
    as_copy = f", as version {' and '.join(map(str, sorted(served)))}," if served else ""
    return f"version {version} of {', '.join(each.name for each in moving)}{as_copy}"
