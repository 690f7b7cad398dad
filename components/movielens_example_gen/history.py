"""Point-in-time history: what a user had rated strictly before each rating, and nothing later."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class HistoryWindows(NamedTuple):
    """For row i, the history is `candidates[starts[i]:stops[i]]`: indices of rows, oldest first."""

    candidates: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]


def history_windows(
    user: npt.NDArray[np.int64], usable: npt.NDArray[np.bool_], length: int
) -> HistoryWindows:
    """Finds the history of every rating.

    Args:
      user: [n] codes of users, the rows of one user together and in (timestamp, line) order.
      usable: [n] which ratings may be remembered. All of them, or only the training ratings where an
        eval rating may be older than a training one: under a random split and an official fold.
      length: most recent ratings that a history keeps.
    """
    before: npt.NDArray[np.int64] = np.cumsum(usable) - usable
    new_user = np.ones(len(user), np.bool_)
    new_user[1:] = user[1:] != user[:-1]
    # `before` never falls, so the running maximum carries the value at a user's first row to all rows.
    own = np.maximum.accumulate(np.where(new_user, before, 0))
    return HistoryWindows(np.flatnonzero(usable), np.maximum(before - length, own), before)
