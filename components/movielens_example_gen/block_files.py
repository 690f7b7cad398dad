"""Blocks of ratings in files, so that workers shuffle where a block lies and not what is in it.

An in-process runner holds what it shuffles in memory, several times over, until the run ends.
"""

import posixpath
import uuid
import zlib
from collections.abc import Iterable, Iterator

from tfx.dsl.io import fileio

from components.movielens_example_gen.rows import Block

# File name, offset and length in bytes. A plain tuple, for which Beam has a compact coder.
Place = tuple[str, int, int]


def write_blocks(folder: str, blocks: Iterable[tuple[int, Block]]) -> Iterator[tuple[int, Place]]:
    """Writes the blocks of one chunk into a new file of `folder`.

    A worker that tries again writes another file: the places in the first are not returned.

    Args:
      folder: is there, on storage that every worker reaches.
      blocks: (shard, block) pairs.

    Yields:
      (shard, place of its block), once the file is complete.
    """
    name = uuid.uuid4().hex
    places: list[tuple[int, Place]] = []
    offset = 0
    with fileio.open(posixpath.join(folder, name), "wb") as stream:
        for shard, (user_ids, rows) in blocks:
            ids = "\n".join(user_ids).encode()
            content = zlib.compress(len(ids).to_bytes(_LENGTH_BYTES, "little") + ids + rows, 1)
            stream.write(content)
            places.append((shard, (name, offset, len(content))))
            offset += len(content)
    yield from places


def read_block(folder: str, place: Place) -> Block:
    """Reads a block back."""
    name, offset, length = place
    with fileio.open(posixpath.join(folder, name), "rb") as stream:
        stream.seek(offset)
        content = zlib.decompress(stream.read(length))
    start = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    return content[_LENGTH_BYTES:start].decode().split("\n"), content[start:]


_LENGTH_BYTES = 8
