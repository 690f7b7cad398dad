"""Whether the files of an artifact are still the ones that its node wrote.

TFX reuses an artifact if its folder is there. So each artifact gets the sha256 of its files as a custom
property before it is published, and no execution is reused whose outputs do not match theirs.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import ml_metadata as mlmd
from tfx.orchestration import metadata
from tfx.orchestration.portable.mlmd import execution_lib

from components.atomic_pusher.versions import hashed_files
from pipeline.local_run.pushed_versions import version_damage
from pipeline.local_run.unfinished import abandon

# sha256 (hex) by path below the artifact's folder, as JSON. Artifacts of earlier versions have none.
DIGESTS: Final = "file_digests"

LIVE: Final = mlmd.proto.Artifact.LIVE


def record_digests(artifact: Any) -> None:
    """Writes the digests of an artifact's files into the ML Metadata artifact, which is not stored yet."""
    artifact.custom_properties[DIGESTS].string_value = json.dumps(_digests(artifact.uri), sort_keys=True)


def damage(artifact: Any) -> str:
    """What is wrong with the files of an artifact, as `<file> has changed`; "" if nothing is.

    Args:
      artifact: of ML Metadata. One that brings no digests only has to be there.
    """
    uri = artifact.uri
    if not Path(uri).exists():
        return f"{uri} is gone"
    if DIGESTS not in artifact.custom_properties:
        return ""
    try:
        found = _digests(uri)
    except OSError as error:
        return f"{error.filename or uri} cannot be read ({error.strerror or error})"
    known = json.loads(artifact.custom_properties[DIGESTS].string_value)
    for file in sorted({*known, *found}):
        path = Path(uri, file) if file else uri
        if file not in found:
            return f"{path} is gone"
        if file not in known:
            return f"{path} is not of the node that wrote the others"
        if found[file] != known[file]:
            return f"{path} has changed since it was written"
    return ""


def abandon_damaged(handle: metadata.Metadata, cache_context: Any) -> Iterator[str]:
    """Takes artifacts whose files have changed out of the cache, until it gives out none of them.

    Args:
      handle: an open connection.
      cache_context: of the cache key of a node; what ran under that key belongs to it.

    Yields:
      What is wrong with each.
    """
    executions = filter(
        execution_lib.is_execution_successful, handle.store.get_executions_by_context(cache_context.id)
    )
    for execution in execution_lib.sort_executions_newest_to_oldest(executions):
        intact = True
        for outputs in execution_lib.get_output_artifacts(handle, execution.id).values():
            for artifact in (output.mlmd_artifact for output in outputs):
                # Later runs that reused it name it, too.
                if artifact.state == LIVE and (problem := damage(artifact) or version_damage(artifact)):
                    abandon(artifact, problem)
                    handle.store.put_artifacts([artifact])
                    yield problem
                intact = intact and artifact.state == LIVE
        if intact:
            return


def _digests(uri: str) -> dict[str, str]:
    path = Path(uri)
    # A value that is passed on is a file and no folder.
    if path.is_file():
        return {"": hashed_files(str(path.parent))[path.name]}
    return hashed_files(uri)
