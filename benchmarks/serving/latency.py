"""Client and server beside the floor: the same signature, called in this process without any of them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from benchmarks.serving.local_server import MODELS, ServedFolders
from benchmarks.serving.timings import Timings, measure
from serving.batch_models import BatchRankingModel, BatchRetrievalModel
from serving.client import Client
from serving.client.endpoint import DEFAULT_CANDIDATES

CONCURRENCIES: Final = (1, 4, 16)
BATCH_SIZES: Final = (1, 16, 64)
# Two stages may cost this many times what one small call costs above the floor.
ROUND_TRIPS_THRESHOLD: Final = 4

Call: TypeAlias = Callable[[int], object]
_T = TypeVar("_T")


@dataclass(frozen=True)
class LatencyCell:
    """One row of the table: a call over the socket and in this process."""

    call: str
    concurrency: int
    batch_size: int
    served: Timings
    floor: Timings


@dataclass(frozen=True)
class TwoStages:
    """Medians in milliseconds, one user, one thread.

    Attributes:
      recommend: both stages over the socket.
      floor: both stages in this process.
      small: a small call over the socket: one movie retrieved.
      small_floor: the same in this process.
    """

    recommend: float
    floor: float
    small: float
    small_floor: float

    @property
    def round_trip(self) -> float:
        """What one round trip costs above the floor."""
        return self.small - self.small_floor

    @property
    def round_trips(self) -> float:
        """What both stages cost above the floor, in round trips."""
        return (self.recommend - self.floor) / self.round_trip


class Bench:
    """The calls that are compared, over one server and the models that it serves.

    Attributes:
      users: ids of everyone in the retrieval model's table.
    """

    def __init__(self, server: ServedFolders, concurrency: int) -> None:
        retrieval, ranking = (server.root / model / "1" for model in MODELS)
        self._retrieval = BatchRetrievalModel(retrieval)
        self._ranking = BatchRankingModel(ranking)
        self.users = self._retrieval.users_file.read_bytes().split()
        self._names = [user.decode() for user in self.users]
        self._client = Client(
            server.address, timeout=60, connections=concurrency, batch_size=max(BATCH_SIZES)
        )
        # A client's own process has no TensorFlow, whose objects each full collection of garbage visits.
        gc.collect()
        gc.freeze()

    def table(self, seconds: float, log: Callable[[str], None]) -> list[LatencyCell]:
        """Every call at every concurrency and batch size, the floor right after what it is compared with."""
        cells = []
        for batch_size in BATCH_SIZES:
            for name, served, floor in self._calls(batch_size):
                for concurrency in CONCURRENCIES:
                    log(f"{name}, batch {batch_size}, concurrency {concurrency}")
                    cells.append(
                        LatencyCell(
                            name,
                            concurrency,
                            batch_size,
                            measure(served, concurrency, seconds),
                            measure(floor, concurrency, seconds),
                        )
                    )
        return cells

    def two_stages(self, seconds: float) -> TwoStages:
        """Recommends for one user at a time."""

        def both(number: int) -> object:
            users = self._batch(self.users, number, 1)
            return self._ranking.rank(users, self._retrieval.recommend(users, DEFAULT_CANDIDATES).movie_ids)

        calls: Sequence[Call] = (
            lambda number: self._client.recommend(self._batch(self._names, number, 1)[0]),
            both,
            lambda number: self._client.retrieve(self._batch(self._names, number, 1)[0], 1),
            lambda number: self._retrieval.recommend(self._batch(self.users, number, 1), 1),
        )
        return TwoStages(*(measure(call, 1, seconds).p50 for call in calls))

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _calls(self, size: int) -> list[tuple[str, Call, Call]]:
        k = DEFAULT_CANDIDATES
        found = self._retrieval.recommend(self._batch(self.users, 0, len(self.users)), k).movie_ids
        lists = [[movie.decode() for movie in row if movie] for row in found]
        return [
            (
                f"retrieve {k}",
                lambda number: self._client.retrieve_many(self._batch(self._names, number, size), k),
                lambda number: self._retrieval.recommend(self._batch(self.users, number, size), k),
            ),
            (
                f"rank {k}",
                lambda number: self._client.rank_many(
                    self._batch(self._names, number, size), self._batch(lists, number, size)
                ),
                lambda number: self._ranking.rank(
                    self._batch(self.users, number, size), found[self._rows(number, size)]
                ),
            ),
        ]

    def _rows(self, number: int, size: int) -> list[int]:
        return [(number * size + row) % len(self.users) for row in range(size)]

    def _batch(self, values: Sequence[_T], number: int, size: int) -> list[_T]:
        return [values[row] for row in self._rows(number, size)]
