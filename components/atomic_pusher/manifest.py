"""The manifest of a version: what it is, where it comes from, and who made it the served one."""

from __future__ import annotations

import datetime
import getpass
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

# TensorFlow Serving and `tf.saved_model.load` look at nothing in `assets.extra` but the warm-up file.
EXTRA_FOLDER: Final = "assets.extra"
MANIFEST_FILE: Final = f"{EXTRA_FOLDER}/manifest.json"
WARM_UP_FILE: Final = f"{EXTRA_FOLDER}/tf_serving_warmup_requests"

PUSH: Final = "push"
PROMOTE: Final = "promote"
ROLLBACK: Final = "rollback"
Action = Literal["push", "promote", "rollback"]

# Attributes of a `Provenance` that the first manifests lack.
_LATER: Final = ("series", "baseline")

# The names of a `Move`'s attributes in JSON where `from` and `to` are clearer.
_IN_JSON: Final = {"previous": "from", "version": "to"}


class ManifestError(ValueError):
    """A manifest cannot be read."""


@dataclass(frozen=True)
class Provenance:
    """What a model was made from and how good it was.

    Attributes:
      metrics: over all evaluated rows, by whose they are (`candidate`, `reference` and, where there was
        one, `served`) and metric.
      measured_on: the split and the data that the metrics are of.
      run_id: the run of the pipeline that pushed it.
      data: sha256 (hex) by kind of Examples, `ratings` and `movies`.
      code: fingerprints of the sources by what they do, see `pipeline/fingerprint.py`.
      schema: sha256 (hex) of the schema.
      series: what models are called that may be compared on one another's Examples, "" if not known.
      baseline: fingerprint of the version that the model was compared with before its push, "" if it was
        compared with none, None if that is not known.
    """

    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    measured_on: str = ""
    run_id: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    schema: str = ""
    series: str = ""
    baseline: str | None = None


@dataclass(frozen=True)
class Move:
    """A change of the served version: who pointed what where, and when.

    Attributes:
      time: UTC, ISO 8601.
      action: what was done.
      previous: the version that was served before, or None.
      version: the version that is served from then on.
      copy_of: for a promotion or a rollback, the version whose files it has.
      user: login name.
      host: name of the machine.
      servables: what was published under this number together, in that order; early moves do not have it.
    """

    time: str
    action: Action
    previous: int | None
    version: int
    copy_of: int | None
    user: str
    host: str
    servables: tuple[str, ...] = ()

    @classmethod
    def now(
        cls,
        action: Action,
        previous: int | None,
        version: int,
        copy_of: int | None = None,
        servables: tuple[str, ...] = (),
    ) -> Move:
        """A move of this process at this moment."""
        time = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        return cls(time, action, previous, version, copy_of, _user(), os.uname().nodename, servables)

    def to_dict(self) -> dict[str, Any]:
        """As in the manifest and in the log."""
        return {_IN_JSON.get(name, name): value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Move:
        """The reverse of `to_dict`."""
        names = {key: name for name, key in _IN_JSON.items()}
        found = {names.get(name, name): value for name, value in values.items()}
        return cls(**{**found, "servables": tuple(found.get("servables", ()))})


@dataclass(frozen=True)
class Manifest:
    """The content of the manifest file.

    Attributes:
      version: the number of the folder.
      origin: the version that was pushed with these files at first: `version` itself unless it is a copy.
      move: how this version came to be the served one.
      provenance: what the model was made from.
      files: sha256 (hex) by relative path of every file but the manifest.
    """

    version: int
    origin: int
    move: Move
    provenance: Provenance
    files: Mapping[str, str]

    @property
    def model_fingerprint(self) -> str:
        """See the function."""
        return model_fingerprint(self.files)

    def to_json(self) -> bytes:
        """The text of the file."""
        values = {
            "version": self.version,
            "origin": self.origin,
            "move": self.move.to_dict(),
            **asdict(self.provenance),
            "model": self.model_fingerprint,
            "files": dict(self.files),
        }
        return (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_json(cls, text: bytes, path: str) -> Manifest:
        """The reverse of `to_json`.

        Raises:
          ManifestError: it is not a manifest; the message names `path`.
        """
        try:
            values = json.loads(text)
            return cls(
                version=int(values["version"]),
                origin=int(values["origin"]),
                move=Move.from_dict(values["move"]),
                provenance=Provenance(
                    **{
                        name: values[name]
                        for name in Provenance.__dataclass_fields__
                        # Earlier manifests do not have all of them.
                        if name not in _LATER or name in values
                    }
                ),
                files=values["files"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ManifestError(
                f"{path}: is not a manifest of a version ({type(error).__name__}: {error})"
            ) from error


def model_fingerprint(files: Mapping[str, str]) -> str:
    """A sha256 (hex) over the files of the model alone: equal for a version and the model it was made from.

    Args:
      files: sha256 (hex) by relative path.
    """
    digest = hashlib.sha256()
    for path in sorted(files):
        if not path.startswith(f"{EXTRA_FOLDER}/"):
            digest.update(f"{path} {files[path]}\n".encode())
    return digest.hexdigest()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container may run under a number without a name.
        return str(os.getuid())
