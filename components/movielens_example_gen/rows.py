"""Ratings as packed rows: what travels between Beam workers instead of an object for each rating."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

# `user` and `movie` are positions in lists of ids that come along or that every worker has.
ROW: Final = np.dtype(
    [
        ("user", "<u4"),
        ("movie", "<u4"),
        ("rating", "<f4"),
        ("timestamp", "<i8"),
        ("line", "<i8"),
        ("held_out", "?"),
    ]
)

Rows = npt.NDArray[Any]

# Ratings of one chunk of the file that belong to one shard: the ids of their users, and packed rows.
Block = tuple[list[str], bytes]


def shard_of(user_id: str, shards: int) -> int:
    """The shard that holds everything of a user; the same on every machine and in every run."""
    return zlib.crc32(user_id.encode()) % shards


def split_blocks(user_ids: list[str], rows: Rows, shards: int) -> Iterator[tuple[int, Block]]:
    """Divides the rows of a chunk among the shards, by user.

    Args:
      user_ids: the users of the chunk; `rows["user"]` are positions in it.
      rows: [n] of dtype `ROW`.
      shards: number of shards.
    """
    if not len(rows):
        return
    shard_of_user = np.array([shard_of(user_id, shards) for user_id in user_ids], np.int64)
    shard_of_row = shard_of_user[rows["user"]]
    order = np.argsort(shard_of_row, kind="stable")
    present, starts = np.unique(shard_of_row[order], return_index=True)
    for shard, part in zip(present.tolist(), np.split(order, starts[1:]), strict=True):
        block = rows[part]
        users, block["user"] = np.unique(block["user"], return_inverse=True)
        yield shard, ([user_ids[user] for user in users.tolist()], block.tobytes())


def merge_blocks(blocks: Iterable[Block]) -> tuple[list[str], Rows]:
    """Puts the blocks of a shard together, in whatever order they come.

    Returns:
      The ids of the users, sorted, and the rows by user, timestamp and line.
    """
    blocks = list(blocks)
    user_ids = sorted({user_id for ids, _ in blocks for user_id in ids})
    position = {user_id: index for index, user_id in enumerate(user_ids)}
    parts = []
    for ids, packed in blocks:
        part = np.frombuffer(packed, ROW).copy()
        part["user"] = np.array([position[user_id] for user_id in ids], np.uint32)[part["user"]]
        parts.append(part)
    rows = np.concatenate(parts) if parts else np.empty(0, ROW)
    return user_ids, rows[np.lexsort((rows["line"], rows["timestamp"], rows["user"]))]


def repeated_pairs(rows: Rows) -> npt.NDArray[np.bool_]:
    """Marks every rating of a (user, movie) pair after the first one in the order of `rows`."""
    pairs = rows["user"].astype(np.int64) << 32 | rows["movie"]
    repeated = np.ones(len(rows), np.bool_)
    repeated[np.unique(pairs, return_index=True)[1]] = False
    return repeated
