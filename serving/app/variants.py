"""Which version of the recommender a user gets where two or more are compared."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Sequence


class Variants:
    """Divides users among labels of versions by a hash of their ids, and counts what came of it.

    Args:
      labels: of the recommender's versions; none compares nothing.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self._lock = threading.Lock()
        self.lists: Counter[str] = Counter()
        self.ratings: Counter[str] = Counter()
        self.missing: Counter[str] = Counter()
        self._lacking: set[str] = set()

    def of_user(self, user_id: str) -> str | None:
        """The label of a user, always the same; None where nothing is compared."""
        if not self.labels:
            return None
        digest = hashlib.sha256(user_id.encode()).digest()
        return self.labels[int.from_bytes(digest[:8], "big") % len(self.labels)]

    def counted_for(self, user_id: str) -> str | None:
        """The label that a user's ratings count for: None also where the server lacked it when last asked."""
        label = self.of_user(user_id)
        with self._lock:
            return None if label in self._lacking else label

    def has(self, label: str) -> None:
        """Notes that the server has the label."""
        with self._lock:
            self._lacking.discard(label)

    def lacks(self, label: str) -> None:
        """Notes and counts that the server does not have the label."""
        with self._lock:
            self._lacking.add(label)
            self.missing[label] += 1

    def count(self, counter: Counter[str], label: str | None) -> None:
        """Counts one list or rating of a variant."""
        if label is not None:
            with self._lock:
                counter[label] += 1
