"""A world in which the pauses between ratings decide what comes next.

Users rate in sessions with days between them. The first movie of a session has, mostly, the genre that
follows that of the first movie of the session before; all other movies are of a random genre. So whoever
predicts the first movie of a session has to find the last long pause, at a distance that differs from user to
user.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts import features
from tests.unit.trainer_module import tiny_world
from trainer_module.common.catalogue import Catalogue
from trainer_module.common.user_states import UserStates

KINDS, MOVIES_OF_KIND = 8, 14
MOVIES = KINDS * MOVIES_OF_KIND
RATINGS = 45
# How often a session begins as planned.
PLANNED = 0.9
DAY = 24 * 3600


@dataclass(frozen=True)
class PlantedSessions:
    """The world.

    Attributes:
      catalogue: movies whose genre is their kind.
      states: what each user rated; the last rating of each begins a session.
      reachable: recall@10 of the last ratings by someone who knows the plan, on average.
    """

    catalogue: Catalogue
    states: UserStates
    reachable: float


def planted_sessions(users: int, longest: int, seed: int) -> PlantedSessions:
    """Users with sessions of 2 to `longest` ratings."""
    rng = np.random.default_rng(seed)
    catalogue = tiny_world.catalogue([str(movie) for movie in range(MOVIES)])
    kinds = np.eye(KINDS, len(features.GENRES), dtype=np.float32)
    catalogue.columns[features.GENRES_MULTI_HOT][:] = kinds[np.arange(MOVIES) % KINDS]
    rows = [_user(rng, longest) for _ in range(users)]
    rated = {
        str(user): [(str(movie), 3.0, time) for movie, time in zip(movies, times, strict=True)]
        for user, (movies, times, _) in enumerate(rows)
    }
    reachable = float(np.mean([_reachable(movies, planned) for movies, _, planned in rows]))
    return PlantedSessions(catalogue, tiny_world.states(catalogue, rated), reachable)


def _user(rng: np.random.Generator, longest: int) -> tuple[list[int], list[int], int]:
    """Movies, their times, and the planned kind of the last one."""
    unseen = [rng.permutation(np.arange(kind, MOVIES, KINDS)).tolist() for kind in range(KINDS)]
    movies, times = list[int](), list[int]()
    now, following = 1_000_000_000, int(rng.integers(KINDS))
    for size in _sizes(rng, longest):
        now += int(rng.integers(DAY, 30 * DAY))
        kinds, planned = rng.integers(KINDS, size=size), following
        if rng.random() < PLANNED:
            kinds[0] = planned
        for kind in kinds:
            movies.append(_take(unseen, int(kind), rng))
            times.append(now)
            now += int(rng.integers(30, 300))
        following = (movies[-size] + 1) % KINDS
    return movies, times, planned


def _take(unseen: list[list[int]], kind: int, rng: np.random.Generator) -> int:
    """Takes a movie of a kind, or of another one where none of it is left."""
    while not unseen[kind]:
        kind = int(rng.integers(KINDS))
    return unseen[kind].pop()


def _sizes(rng: np.random.Generator, longest: int) -> list[int]:
    """Sessions that hold RATINGS together, of which the last one holds one."""
    left, sizes = RATINGS - 1, list[int]()
    while left:
        size = int(rng.integers(2, longest + 1))
        sizes.append(left if left - size < 2 else size)
        left -= sizes[-1]
    return [*sizes, 1]


def _reachable(movies: list[int], planned: int) -> float:
    """Chance that the last movie is in a list of ten with the planned kind first."""
    seen: npt.NDArray[np.bool_] = np.isin(np.arange(MOVIES), movies[:-1])
    own = int((~seen[planned::KINDS]).sum())
    if movies[-1] % KINDS == planned:
        return min(1.0, 10 / own)
    return max(0, 10 - own) / (int((~seen).sum()) - own)
