"""The Beam pipeline from a ratings file to `ratings` Examples.

A file is read in chunks by many workers. Each leaves its rows, packed, for the shards of their users; a
shard has all ratings of its users and everything known about them, so it can sort, split and remember
without other data, and it writes its files itself: neither ratings nor Examples are ever shuffled.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import apache_beam as beam
import numpy as np
from apache_beam.utils.shared import Shared

from components.movielens_example_gen import splits
from components.movielens_example_gen.block_files import Place, read_block, write_blocks
from components.movielens_example_gen.rows import ROW, Rows, shard_of, split_blocks
from components.movielens_example_gen.settings import ExampleGenSettings
from components.movielens_example_gen.shards import (
    KnownUser,
    RawCatalogue,
    Shard,
    clean_shard,
    held_out,
    known_user,
    shard_examples,
)
from components.movielens_example_gen.source import RawSource, Task
from components.movielens_example_gen.summary import Summary, keep_rejected
from components.movielens_example_gen.writer import open_shard
from contracts.artifacts import PROGRESS_LOGGER
from contracts.features import EVAL_SPLIT, TRAIN_SPLIT
from movielens.readers import parse_users
from movielens.records import Rejected, RejectReason

# Ratings of one output file: some 30 MB, and as much memory for the worker that writes it.
ROWS_PER_SHARD: Final = 100_000

# Heard in the process of a local run; see `contracts.artifacts`.
_PROGRESS: Final = logging.getLogger(PROGRESS_LOGGER)
# Tags of the outputs beside the main one.
REJECTED: Final = "rejected"
SUMMARY: Final = "summary"


@dataclass(frozen=True)
class RatingsPlan:
    """What every worker needs."""

    source: RawSource
    settings: ExampleGenSettings
    shards: int
    # Rejected rows that a run survives.
    allowed: int
    # Folder for the blocks on their way to the shards.
    blocks: str
    # The movies, which a process parses once for all workers in it.
    movies: Shared = field(default_factory=Shared)

    def catalogue(self) -> RawCatalogue:
        """The movies of `source`."""
        found: RawCatalogue = self.movies.acquire(lambda: RawCatalogue.read(self.source))
        return found


class ReadRatings(beam.DoFn):
    """Task -> (shard, place of a block of packed rows) for each shard with a rating in the chunk."""

    def __init__(self, plan: RatingsPlan):
        """Reads by `plan`."""
        self._plan = plan

    def setup(self) -> None:
        """Reads the movies, which every worker has whole."""
        self._catalogue = self._plan.catalogue()

    def process(self, task: Task) -> Iterator[Any]:
        """Parses one chunk."""
        plan, settings = self._plan, self._plan.settings
        source, file = plan.source, plan.source.spec.ratings_file
        by_hash = settings.split == "random" and settings.random_rule == "hash"
        out = np.unpackbits(np.frombuffer(task.held_out, np.uint8)).astype(np.bool_)
        position = self._catalogue.position
        codes: dict[str, int] = {}
        rows: list[tuple[int, int, float, int, int, bool]] = []
        rejected: list[Rejected] = []
        first = task.chunk.first_line
        for number, rating in source.ratings(task.chunk):
            if isinstance(rating, Rejected):
                rejected.append(rating)
                continue
            user_id, movie_id = rating.user_id, rating.movie_id
            movie = position.get(movie_id)
            if movie is None:
                text = f"{user_id}, {movie_id}, {rating.rating:g}, {rating.timestamp}"
                rejected.append(Rejected(file, number, RejectReason.UNKNOWN_MOVIE, text))
                continue
            eval_row = (
                splits.is_held_out(user_id, movie_id, settings.eval_share, settings.seed)
                if by_hash
                else bool(len(out)) and bool(out[number - first])
            )
            user = codes.setdefault(user_id, len(codes))
            rows.append((user, movie, rating.rating, rating.timestamp, number, eval_row))
        _PROGRESS.debug("read", extra={"counted": "rows read", "count": len(rows) + len(rejected)})
        packed: Rows = np.array(rows, ROW)
        summary = Summary(read=Counter({file: len(rows) + len(rejected)}))
        summary.count_rejected(rejected)
        yield beam.pvalue.TaggedOutput(SUMMARY, summary)
        for row in keep_rejected(rejected, plan.allowed):
            yield beam.pvalue.TaggedOutput(REJECTED, row)
        yield from write_blocks(plan.blocks, split_blocks(list(codes), packed, plan.shards))


class ReadUsers(beam.DoFn):
    """Task -> (shard, known user) for each usable row of the users file."""

    def __init__(self, plan: RatingsPlan):
        """Reads by `plan`."""
        self._plan = plan

    def process(self, task: Task) -> Iterator[Any]:
        """Parses one chunk."""
        plan, source = self._plan, self._plan.source
        file = source.spec.users_file or ""
        summary = Summary()
        lines = source.lines(file, task.chunk)
        for number, user in parse_users(lines, source.layout, file, task.chunk.first_line):
            summary.read[file] += 1
            if isinstance(user, Rejected):
                summary.count_rejected([user])
                yield beam.pvalue.TaggedOutput(REJECTED, user)
            else:
                entry = known_user(user, number, plan.settings.invalid_zip)
                yield shard_of(user.user_id, plan.shards), tuple(entry)
        yield beam.pvalue.TaggedOutput(SUMMARY, summary)


class CleanShard(beam.DoFn):
    """(shard, places of its blocks, and its users) -> Shard."""

    def __init__(self, plan: RatingsPlan):
        """Cleans by `plan`."""
        self._plan = plan

    def setup(self) -> None:
        """Reads the ids that the rows refer to."""
        self._catalogue = self._plan.catalogue()

    def process(self, grouped: tuple[int, dict[str, Iterable[Any]]]) -> Iterator[Any]:
        """Joins ratings with users, and leaves out what is wrong."""
        number, members = grouped
        places: Iterable[Place] = members["ratings"]
        blocks = (read_block(self._plan.blocks, place) for place in places)
        users = [KnownUser(*user) for user in members.get("users", ())]
        shard = clean_shard(number, blocks, users, self._plan.source, self._catalogue.ids)
        summary = Summary(dropped=shard.dropped, users=len(np.unique(shard.rows["user"])))
        summary.mark_movies(shard.rows["movie"])
        summary.count_rejected(shard.rejected)
        yield beam.pvalue.TaggedOutput(SUMMARY, summary)
        for row in keep_rejected(shard.rejected, self._plan.allowed):
            yield beam.pvalue.TaggedOutput(REJECTED, row)
        yield replace(shard, rejected=[])


class WriteShard(beam.DoFn):
    """Shard -> one file in each split, and the number of Examples written."""

    def __init__(self, plan: RatingsPlan, split_uris: dict[str, str]):
        """Writes by `plan` into the folders of the splits."""
        self._plan = plan
        self._split_uris = split_uris

    def setup(self) -> None:
        """Serializes the movies."""
        self._catalogue = self._plan.catalogue()

    def process(self, shard: Shard, cut: splits.Cut | None = None) -> Iterator[Summary]:
        """Writes the Examples of a shard; `cut` is that of a temporal split."""
        plan = self._plan
        is_eval = held_out(shard.rows, plan.settings, cut)
        summary = Summary()
        with (
            open_shard(self._split_uris[TRAIN_SPLIT], shard.number, plan.shards) as train,
            open_shard(self._split_uris[EVAL_SPLIT], shard.number, plan.shards) as evaluation,
        ):
            for evaluated, record in shard_examples(shard, is_eval, self._catalogue, plan.settings):
                (evaluation if evaluated else train).write(record)
        summary.examples[EVAL_SPLIT] = int(np.count_nonzero(is_eval))
        summary.examples[TRAIN_SPLIT] = len(is_eval) - summary.examples[EVAL_SPLIT]
        _PROGRESS.debug("written", extra={"counted": "written", "count": len(is_eval)})
        yield summary


def ingest_ratings(
    pipeline: Any, plan: RatingsPlan, ratings: list[Task], users: list[Task], split_uris: dict[str, str]
) -> tuple[Any, Any]:
    """Adds the whole ingestion to a Beam pipeline.

    Args:
      pipeline: the Beam pipeline.
      plan: what every worker needs.
      ratings: chunks of the ratings file.
      users: chunks of the users file, none if the layout does not have that file.
      split_uris: folder of each split.

    Returns:
      PCollections of `Summary` and of `Rejected`.
    """
    read_ratings = _read(pipeline, "Ratings", ratings, ReadRatings(plan))
    read_users = _read(pipeline, "Users", users, ReadUsers(plan))
    cleaned = (
        {"ratings": read_ratings.main, "users": read_users.main}
        | "GroupByShard" >> beam.CoGroupByKey()
        | "CleanShard" >> beam.ParDo(CleanShard(plan)).with_outputs(SUMMARY, REJECTED, main="main")
    )
    write = WriteShard(plan, split_uris)
    if plan.settings.split == "temporal":
        cut = beam.pvalue.AsSingleton(_temporal_cut(cleaned.main, plan.settings.eval_share))
        written = cleaned.main | "WriteShard" >> beam.ParDo(write, cut)
    else:
        written = cleaned.main | "WriteShard" >> beam.ParDo(write)
    summaries = (read_ratings[SUMMARY], read_users[SUMMARY], cleaned[SUMMARY], written)
    rejected = (read_ratings[REJECTED], read_users[REJECTED], cleaned[REJECTED])
    return (
        summaries | "AllSummaries" >> beam.Flatten(),
        rejected | "AllRejected" >> beam.Flatten(),
    )


def _read(pipeline: Any, name: str, tasks: list[Task], read: beam.DoFn) -> Any:
    return (
        pipeline
        | f"{name}Chunks" >> beam.Create(tasks, reshuffle=False)
        | f"Spread{name}" >> beam.Reshuffle()
        | f"Read{name}" >> beam.ParDo(read).with_outputs(SUMMARY, REJECTED, main="main")
    )


def _temporal_cut(shards: Any, eval_share: float) -> Any:
    boundary = (
        shards
        | "CountDays" >> beam.Map(lambda shard: splits.count_days(shard.rows["timestamp"]))
        | "AddDays" >> beam.CombineGlobally(splits.add_counters)
        | "BoundaryDay" >> beam.Map(splits.find_boundary_day, eval_share)
    )
    return (
        shards
        | "RatingsOnBoundaryDay"
        >> beam.Map(
            lambda shard, boundary: splits.ratings_on(
                boundary.day, shard.rows["timestamp"], shard.rows["line"]
            ),
            beam.pvalue.AsSingleton(boundary),
        )
        | "JoinPairs" >> beam.CombineGlobally(splits.join_pairs)
        | "Cut" >> beam.Map(splits.find_cut, beam.pvalue.AsSingleton(boundary))
    )
