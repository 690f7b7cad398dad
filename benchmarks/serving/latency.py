"""Client and server beside the floor: the same signature, called in this process without any of them."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from benchmarks.serving.local_server import SERVED, ServedFolders
from benchmarks.serving.timings import Timings, measure
from contracts.signatures import CANDIDATES
from serving.batch_models import BatchListModel, BatchRankingModel
from serving.client import Client

CONCURRENCIES: Final = (1, 4, 16)
BATCH_SIZES: Final = (1, 16, 64)
# The list in one call may cost this many times its floor.
ONE_CALL_THRESHOLD: Final = 2.0
# Each call is measured in so many turns, between the others, so that they meet the same machine.
_TURNS: Final = 5

# Movies of a list.
_LENGTH: Final = 10

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
class ListCosts:
    """Median milliseconds of the list for one user, one thread.

    Attributes:
      one_call: from the recommender, over the socket.
      floor: the same signature in this process.
      two_calls: from retrieval and ranking, over the socket.
      two_floor: their signatures in this process.
    """

    one_call: float
    floor: float
    two_calls: float
    two_floor: float

    @property
    def ratio(self) -> float:
        """What one call costs beside its floor."""
        return self.one_call / self.floor


class Bench:
    """The calls that are compared, over one server and the models that it serves.

    Attributes:
      users: ids of everyone in the retrieval model's table.
    """

    def __init__(self, server: ServedFolders, concurrency: int) -> None:
        retrieval, ranking, recommender = (server.root / model / "1" for model in SERVED)
        self._retrieval = BatchListModel(retrieval)
        self._ranking = BatchRankingModel(ranking)
        self._recommender = BatchListModel(recommender)
        self.users = self._retrieval.users_file.read_bytes().split()
        self._names = [user.decode() for user in self.users]
        self._client, self._untitled = (
            Client(
                server.address,
                timeout=60,
                connections=concurrency,
                batch_size=max(BATCH_SIZES),
                titles=titles,
            )
            for titles in (True, False)
        )
        # A client's own process does not have TensorFlow, whose objects each garbage collection visits.
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

    def lists(self, seconds: float) -> ListCosts:
        """The list of ten for one user at a time, in one call and in two."""

        def both(number: int) -> object:
            users = self._batch(self.users, number, 1)
            return self._ranking.rerank(users, self._retrieval.recommend(users, CANDIDATES))

        calls: Sequence[Call] = (
            lambda number: self._client.recommend(self._batch(self._names, number, 1)[0]),
            lambda number: self._recommender.recommend(self._batch(self.users, number, 1), _LENGTH),
            lambda number: self._client.recommend(
                self._batch(self._names, number, 1)[0], retrieval_version=1, ranking_version=1
            ),
            both,
        )
        turns = [[measure(call, 1, seconds / _TURNS).p50 for call in calls] for _ in range(_TURNS)]
        return ListCosts(*map(statistics.median, zip(*turns, strict=True)))

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()
        self._untitled.close()

    def _calls(self, size: int) -> list[tuple[str, Call, Call]]:
        k = CANDIDATES
        found = self._retrieval.recommend(self._batch(self.users, 0, len(self.users)), k).movie_ids
        lists = [[movie.decode() for movie in row if movie] for row in found]
        return [
            (
                f"retrieve {k}",
                lambda number: self._client.retrieve_many(self._batch(self._names, number, size), k),
                lambda number: self._retrieval.recommend(self._batch(self.users, number, size), k),
            ),
            (
                f"retrieve {k} without titles",
                lambda number: self._untitled.retrieve_many(self._batch(self._names, number, size), k),
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
