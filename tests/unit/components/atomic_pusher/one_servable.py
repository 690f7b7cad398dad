"""Pushes and points for one servable by itself."""

from collections.abc import Mapping

from components.atomic_pusher import publishing
from components.atomic_pusher.manifest import Action, Manifest, Provenance
from components.atomic_pusher.publishing import PushCandidate, Pushed, Retention


def push(
    base: str,
    model: str,
    provenance: Provenance,
    retention: Retention,
    extra_files: Mapping[str, bytes] | None = None,
) -> Pushed:
    [pushed] = publishing.push([PushCandidate(base, model, provenance, extra_files or {})], retention)
    return pushed


def point(base: str, version: int, action: Action) -> Manifest:
    [manifest] = publishing.point([base], version, action)
    return manifest
