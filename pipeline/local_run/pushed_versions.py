"""Whether the version that a Pusher published is still there as it was."""

from typing import Any, Final

from components.atomic_pusher.history import moves
from components.atomic_pusher.manifest import PUSH, ManifestError
from components.atomic_pusher.versions import changed_file, is_model, read_manifest

# Custom properties that the stock Pusher and ours set.
_PUSHED: Final = "pushed"
_DESTINATION: Final = "pushed_destination"


def version_damage(artifact: Any) -> str:
    """What is wrong with the published version, as `<file> has changed since ...`; "" if nothing is.

    Nothing is returned for a version after which somebody chose another one, by a rollback or a promotion: to
    publish its model again would undo that.

    Args:
      artifact: of ML Metadata, of any type; only a pushed model has a version.
    """
    properties = artifact.custom_properties
    if _DESTINATION not in properties or not properties[_PUSHED].int_value:
        return ""
    folder = properties[_DESTINATION].string_value.rstrip("/")
    base, _, version = folder.rpartition("/")
    try:
        if any(move.action != PUSH and move.version > int(version) for move in moves(base)):
            return ""
        if not is_model(folder):
            return f"{folder} is gone"
        manifest = read_manifest(folder)
        changed = changed_file(folder, manifest) if manifest else None
    except (ManifestError, OSError) as error:
        return str(error)
    return f"{folder}/{changed} has changed since it was pushed" if changed else ""
