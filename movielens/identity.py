"""What identifies a data set: its content, whatever its folder is called."""

import hashlib
from pathlib import Path

from movielens.layouts import detect_layout

_BLOCK_BYTES = 1 << 20
_CHARACTERS = 12


def content_identity(folder: Path) -> str:
    """A name for the content of a data set, such as `content-1f0c6e2a9b7d`.

    The same bytes have the same name in any folder, and other bytes have another one.

    Raises:
      DatasetError: The folder does not hold a MovieLens data set.
    """
    spec = detect_layout([path.name for path in folder.iterdir()], str(folder)).spec
    digest = hashlib.sha256()
    for name in spec.files:
        digest.update(f"{name}\0{(folder / name).stat().st_size}\0".encode())
        with (folder / name).open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
    return f"content-{digest.hexdigest()[:_CHARACTERS]}"
