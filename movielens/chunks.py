"""Lines of a file, and chunks of lines so that several readers can share one file.

Nothing here holds more of a file than one block or one line.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple

from movielens.records import DatasetError

# The longest real line has under 400 bytes; anything past this is not a MovieLens row, and cutting it off
# keeps a binary file without newlines out of memory.
MAX_LINE_BYTES: Final = 1 << 16

_SCAN_BYTES: Final = 1 << 20


class Chunk(NamedTuple):
    """Whole lines of a file: where they begin and how long they are, in bytes, and the first one's number."""

    offset: int
    length: int
    first_line: int


def plan_chunks(open_binary: Callable[[], BinaryIO], size: int, chunk_bytes: int) -> list[Chunk]:
    """Cuts a file into chunks of whole lines, in one pass that only counts newlines.

    Args:
      open_binary: Opens the file for reading bytes, from its start.
      size: Length of the file in bytes.
      chunk_bytes: Least length of a chunk; it ends with the line that reaches this length.

    Returns:
      Chunks that cover the file once and in order; none for an empty file.
    """
    chunks: list[Chunk] = []
    start, first_line, line, position = 0, 1, 1, 0
    with open_binary() as stream:
        while block := stream.read(_SCAN_BYTES):
            counted = 0
            while (end := block.find(b"\n", max(counted, start + chunk_bytes - 1 - position))) >= 0:
                line += block.count(b"\n", counted, end + 1)
                counted = end + 1
                chunks.append(Chunk(start, position + counted - start, first_line))
                start, first_line = position + counted, line
            line += block.count(b"\n", counted)
            position += len(block)
    if position != size:
        raise DatasetError(f"the file is {position} bytes long, not {size}: it changed while it was read")
    if start < size:
        chunks.append(Chunk(start, size - start, first_line))
    return chunks


def read_lines(stream: BinaryIO, length: int | None = None) -> Iterator[bytes]:
    """Yields lines without their newline, from the position of `stream`, for `length` bytes or to the end.

    Of a line longer than `MAX_LINE_BYTES` only the beginning is kept; the parsers reject it.
    """
    remaining = length
    while remaining is None or remaining > 0:
        line = stream.readline(MAX_LINE_BYTES)
        if not line:
            return
        taken, rest = len(line), line
        while len(rest) == MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE_BYTES)
            taken += len(rest)
        if remaining is not None:
            remaining -= taken
        yield line.removesuffix(b"\n")


def read_chunk(stream: BinaryIO, chunk: Chunk) -> Iterator[bytes]:
    """Yields the lines of `chunk`, without their newlines, from a seekable stream."""
    stream.seek(chunk.offset)
    yield from read_lines(stream, chunk.length)
