"""Writes the embedded data set: a synthetic sample in the ML-100k layout, with planted structure.

Not a row of it comes from MovieLens. People and movies are those of `movielens.world`; here they meet:
everyone picks movies by taste and by what is popular in the month they join, rates them over one or
several sittings, and the rows go out user block by user block, so memory does not grow with the ratings.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np

from contracts.artifacts import SYNTHETIC_MARKER
from movielens.layouts import ML_100K_GENRES, Layout
from movielens.records import DatasetError
from movielens.sample_text import movie_lines, user_lines
from movielens.world import (
    LEAST_RATINGS_PER_USER,
    MONTHS,
    OCCUPATIONS,
    Floats,
    Ints,
    PlantedWorld,
    SampleSpec,
    planted_world,
)

__all__ = ["PlantedWorld", "SampleSpec", "planted_world", "write_sample"]

# 1996-01-01 00:00 UTC.
_FIRST_SECOND: Final = 820_454_400
_DAY: Final = 86_400
_DAYS_PER_MONTH: Final = 30
_LAST_DAY: Final = MONTHS * _DAYS_PER_MONTH - 1
_MOST_SITTINGS: Final = 8
# Users times movies that are weighed at once; a few arrays of this many float32 are the peak memory.
_BLOCK_CELLS: Final = 2_000_000
# Up to here the rows of the whole file are shuffled, as in u.data; from here on those of each block.
_SHUFFLED_RATINGS: Final = 2_000_000
_LINES_AT_ONCE: Final = 10_000
_CHOICES_STREAM, _ACTIVITY_STREAM, _SHUFFLE_STREAM = 4, 5, 6


def write_sample(spec: SampleSpec, folder: Path) -> None:
    """Writes the sample of `spec` into `folder`, which appears only when it is complete.

    The same spec gives the same bytes.

    Raises:
      DatasetError: `folder` exists and is not empty, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DatasetError(f"{folder} is already there: name a new folder for the sample, or remove it first")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise DatasetError(f"cannot write a sample into {folder.parent}: {error.strerror}") from error
    try:
        _write_files(planted_world(spec), unfinished)
        unfinished.chmod(0o755)
        unfinished.replace(folder)
    except OSError as error:
        raise DatasetError(f"cannot write a sample to {folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def rating_blocks(world: PlantedWorld) -> Iterator[Ints]:
    """Yields the ratings of one block of users after the other, as rows [N, 4] like those of u.data.

    The columns are user id, movie id, stars, and UTC seconds. A block has its own random stream.
    """
    counts = _ratings_per_user(world.spec)
    block_users = max(1, _BLOCK_CELLS // world.spec.movies)
    for block, first in enumerate(range(0, world.spec.users, block_users)):
        users = np.arange(first, min(first + block_users, world.spec.users))
        yield _rate(world, users, counts[users], world.spec.random(_CHOICES_STREAM, block))


def _write_files(world: PlantedWorld, folder: Path) -> None:
    files = Layout.ML_100K.spec
    spec = world.spec
    with (folder / files.ratings_file).open("wb") as stream:
        for rows in _shuffled(rating_blocks(world), spec):
            for first in range(0, len(rows), _LINES_AT_ONCE):
                some = rows[first : first + _LINES_AT_ONCE]
                stream.write(b"%d\t%d\t%d\t%d\n" * len(some) % tuple(some.ravel().tolist()))
    _write_text(folder / files.movies_file, movie_lines(world))
    _write_text(folder / str(files.users_file), user_lines(world))
    _write_text(folder / "u.genre", (f"{genre}|{index}" for index, genre in enumerate(ML_100K_GENRES)))
    _write_text(folder / "u.occupation", sorted(OCCUPATIONS))
    _write_text(folder / "u.info", (f"{spec.users} users", f"{spec.movies} items", f"{spec.ratings} ratings"))
    (folder / SYNTHETIC_MARKER).write_text(json.dumps({"synthetic sample": asdict(spec)}) + "\n")


def _write_text(path: Path, lines: Iterator[str] | list[str] | tuple[str, ...]) -> None:
    with path.open("w", encoding=Layout.ML_100K.spec.encoding, newline="\n") as stream:
        stream.writelines(f"{line}\n" for line in lines)


def _shuffled(blocks: Iterator[Ints], spec: SampleSpec) -> Iterator[Ints]:
    random = spec.random(_SHUFFLE_STREAM)
    if spec.ratings <= _SHUFFLED_RATINGS:
        blocks = iter([np.concatenate(list(blocks))])
    for rows in blocks:
        yield rows[random.permutation(len(rows))]


def _ratings_per_user(spec: SampleSpec) -> Ints:
    """How many movies each user rates [U]: a long tail, between the limits, summing up to the spec."""
    random = spec.random(_ACTIVITY_STREAM)
    weights = np.exp(0.9 * random.standard_normal(spec.users))
    free = np.full(spec.users, spec.most_per_user - LEAST_RATINGS_PER_USER, np.int64)
    extra = np.zeros(spec.users, np.int64)
    left = spec.ratings - LEAST_RATINGS_PER_USER * spec.users
    while left:
        # What overflows at the busiest users goes to the others in the next round.
        open_weights = weights * (extra < free)
        share = np.minimum((left * open_weights / open_weights.sum()).astype(np.int64), free - extra)
        if left < spec.users:
            # Too few to share out by weight: one each to the busiest below their limit.
            share[:] = 0
            share[np.argsort(-open_weights, kind="stable")[: min(left, np.count_nonzero(open_weights))]] = 1
        extra += share
        left -= int(share.sum())
    return LEAST_RATINGS_PER_USER + extra


def _rate(world: PlantedWorld, users: Ints, counts: Ints, random: np.random.Generator) -> Ints:
    movies = _choose(world.choice_logits(users + 1), counts, random)
    raters = np.repeat(users, counts)
    stars = _stars(world, raters, movies, random)
    # The sittings come in time order, so what is rated when must not depend on the order of choice.
    order = random.permutation(len(raters))
    order = order[np.argsort(raters[order], kind="stable")]
    seconds = _seconds(world.join_month[users], counts, random)
    return np.column_stack([raters + 1, movies[order] + 1, stars[order], seconds])


def _choose(logits: Floats, counts: Ints, random: np.random.Generator) -> Ints:
    """Draws `counts[i]` different movies with weights exp(logits[i]); all rows one after the other.

    The first to ring among exponential clocks of those rates are a weighted draw without replacement
    (Efraimidis and Spirakis, 2006, https://doi.org/10.1016/j.ipl.2005.11.003).
    """
    clocks = random.standard_exponential(logits.shape, np.float32)
    # A clock at zero would make "never" (an infinite wait) undefined.
    np.maximum(clocks, np.finfo(np.float32).tiny, out=clocks)
    clocks *= np.exp(-logits)
    # Which order a partition leaves depends on the version of NumPy and on the machine.
    return np.concatenate(
        [np.sort(np.argpartition(row, count)[:count]) for row, count in zip(clocks, counts, strict=True)]
    )


def _stars(world: PlantedWorld, users: Ints, movies: Ints, random: np.random.Generator) -> Ints:
    noise = world.noise_std * random.standard_normal(len(users))
    return np.clip(np.rint(world.expected_rating(users + 1, movies + 1) + noise), 1, 5).astype(np.int64)


def _seconds(join_month: Ints, counts: Ints, random: np.random.Generator) -> Ints:
    """Times of each user's ratings in UTC seconds, users one after the other, each in time order.

    A rating belongs to one of the user's sittings, most of them to the first. Within a sitting a rating
    follows another after some seconds, or, on a page with several movies, at the same second.
    """
    users = len(counts)
    days = join_month[:, None] * _DAYS_PER_MONTH + random.integers(0, _DAYS_PER_MONTH, (users, 1))
    later = np.ceil(random.exponential(45, (users, _MOST_SITTINGS))).astype(np.int64)
    later[:, 0] = 0
    # People rate at any hour, most of them in the evening.
    clock = np.mod(random.normal(20, 4, later.shape), 24) * 3600
    begins = np.sort(_FIRST_SECOND + np.minimum(days + later, _LAST_DAY) * _DAY + clock.astype(np.int64))
    sittings = 1 + np.minimum(random.poisson(counts / 40), _MOST_SITTINGS - 1)

    owner = np.repeat(np.arange(users), counts)
    sitting = (random.random(len(owner)) ** 1.5 * sittings[owner]).astype(np.int64)
    group = np.sort(owner * _MOST_SITTINGS + sitting)
    pauses = np.ceil(random.exponential(25, len(group))).astype(np.int64)
    pauses[random.random(len(group)) < 0.35] = 0
    elapsed = np.cumsum(pauses)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    elapsed -= np.repeat(elapsed[starts], np.diff(starts, append=len(group)))
    seconds: Ints = begins.ravel()[group] + elapsed
    return seconds
