"""Point-in-time history: what a user had rated before each rating, and nothing later.

Ratings of one second lack an order: a page of them is sent off at once, and lines of a file may be sorted by
movie. They are put into one by chance, as the retrieval model's training does
(docs/decisions/0011-ties-by-chance.md).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class HistoryWindows(NamedTuple):
    """For row i, the history is `candidates[starts[i]:stops[i]]`: indices of rows, oldest first."""

    candidates: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]


def history_windows(
    user: npt.NDArray[np.int64],
    timestamp: npt.NDArray[np.int64],
    is_eval: npt.NDArray[np.bool_],
    usable: npt.NDArray[np.bool_],
    length: int,
    random: np.random.Generator,
) -> HistoryWindows:
    """Finds the history of every rating.

    Args:
      user: [n] codes of users.
      timestamp: [n] UTC seconds.
      is_eval: [n] which ratings are for eval; of one second, they come after those of training.
      usable: [n] which ratings may be remembered. All of them, or only the training ratings where an
        eval rating may be older than a training one: under a random split and an official fold.
      length: most recent ratings that a history keeps.
      random: draws the order of what else is of one second.
    """
    order = np.lexsort((random.random(len(user)), is_eval, timestamp, user))
    user, usable = user[order], usable[order]
    before: npt.NDArray[np.int64] = np.cumsum(usable) - usable
    new_user = np.ones(len(user), np.bool_)
    new_user[1:] = user[1:] != user[:-1]
    # `before` never falls, so the running maximum carries the value at a user's first row to all rows.
    own = np.maximum.accumulate(np.where(new_user, before, 0))
    starts, stops = np.empty_like(before), np.empty_like(before)
    starts[order], stops[order] = np.maximum(before - length, own), before
    return HistoryWindows(order[usable], starts, stops)
