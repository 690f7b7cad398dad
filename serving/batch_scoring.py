"""Recommendations for all users into one Parquet file, in memory that does not grow with their number."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from contracts import features, signatures
from serving.batch_models import BatchListModel, BatchRankingModel, ModelError, UserLists

RANK_COLUMN: Final = "rank"
PREDICTED_RATING: Final = "predicted_rating"
SCHEMA: Final = pa.schema(
    [
        (features.USER_ID, pa.string()),
        (signatures.KNOWN_USER, pa.bool_()),
        (RANK_COLUMN, pa.int32()),
        (features.MOVIE_ID, pa.string()),
        (features.MOVIE_TITLE, pa.string()),
        (signatures.SCORE, pa.float32()),
        (PREDICTED_RATING, pa.float32()),
    ]
)
# Rows of the file that are held until they are written, some tens of megabytes.
ROW_GROUP: Final = 250_000


class UsersError(Exception):
    """The file of users cannot be used, in one line with what to do."""


@dataclass(frozen=True)
class Scored:
    """What was written: users, those of them who are not in the model, and rows."""

    users: int
    unknown_users: int
    rows: int


def count_users(file: Path) -> int:
    """How many users a file names.

    Raises:
      UsersError: the file cannot be read or names nobody.
    """
    count = sum(1 for _ in _user_ids(file))
    if not count:
        raise UsersError(f"{file} names no user: one id a line is expected")
    return count


def score_users(
    model: BatchListModel,
    ranking: BatchRankingModel | None,
    users: Path,
    output: Path,
    *,
    k: int,
    candidates: int,
    batch_size: int,
    progress: Callable[[int], None],
) -> Scored:
    """Scores every user of a file; `output` is written aside and renamed, so it is never half-written.

    Args:
      model: the recommender, or the retrieval model as the first stage.
      ranking: the second stage; None keeps the order of the model.
      users: one id a line; blank lines are skipped, an id that comes twice is scored twice.
      output: the Parquet file; one that is there is replaced.
      k: the most movies per user.
      candidates: movies that the second stage orders, k at least.
      batch_size: users scored at once, fewer where their lists are longer than one request may ask for.
      progress: is called with the number of users of each batch.

    Raises:
      UsersError: an id is not UTF-8.
      ModelError: a model's answer cannot be used.
      OSError: the output cannot be written.
    """
    versions = {
        f"{name}_version": stage.path.name
        for name, stage in (
            (signatures.RECOMMENDER if model.rates else signatures.RETRIEVAL, model),
            (signatures.RANKING, ranking),
        )
        if stage
    }
    count = unknown_users = rows = 0
    with _aside(output) as partial, pq.ParquetWriter(partial, SCHEMA.with_metadata(versions)) as writer:
        waiting: list[pa.RecordBatch] = []
        listed = max(k, candidates) if ranking else k
        for batch in _batches(_user_ids(users), min(batch_size, signatures.MAX_SLOTS // listed)):
            found = model.recommend(batch, listed)
            waiting.append(_table(batch, ranking.rerank(batch, found) if ranking else found, k))
            count += len(batch)
            unknown_users += int((~found.known).sum())
            rows += waiting[-1].num_rows
            if sum(part.num_rows for part in waiting) >= ROW_GROUP:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting = []
            progress(len(batch))
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting))
    return Scored(count, unknown_users, rows)


def _table(user_ids: list[bytes], found: UserLists, k: int) -> pa.RecordBatch:
    """The first k movies of each user as rows."""
    row, place = np.nonzero(found.movie_ids[:, :k] != b"")
    ratings = found.ratings
    arrays = [
        _texts([user_ids[index] for index in row]),
        pa.array(found.known[row]),
        pa.array(place + 1, pa.int32()),
        _texts(found.movie_ids[row, place].tolist()),
        _texts(found.titles[row, place].tolist()),
        pa.array(found.scores[row, place], pa.float32()),
        pa.nulls(len(row), pa.float32()) if ratings is None else pa.array(ratings[row, place], pa.float32()),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _texts(values: list[bytes]) -> pa.Array:
    try:
        return pa.array(values, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid as error:
        raise ModelError(f"an id or a title of the model is not UTF-8 text: {error}") from error


def _user_ids(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                user_id = line.rstrip(b"\r\n")
                try:
                    user_id.decode("utf-8")
                except UnicodeDecodeError:
                    raise UsersError(f"{file}:{number}: is not UTF-8 text") from None
                if user_id:
                    yield user_id
    except OSError as error:
        raise UsersError(f"{file} cannot be read: {error.strerror}") from error


def _batches(user_ids: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    while batch := list(itertools.islice(user_ids, size)):
        yield batch


@contextlib.contextmanager
def _aside(output: Path) -> Iterator[Path]:
    """A file beside `output` that takes its place in the end, or goes away."""
    partial = output.with_name(f".{output.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
