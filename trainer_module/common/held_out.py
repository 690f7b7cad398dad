"""Which ratings of the train split validation keeps to itself."""

import numpy as np
import numpy.typing as npt

from trainer_module.common.user_states import UserStates


def held_out(states: UserStates, rule: str, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Which ratings validation keeps to itself, [N].

    Args:
      states: the ratings of training.
      rule: `random`; `last`, the last one of each user; or `latest`, in the order of time. A user's only
        rating stays in training under `last`.
      share: of the ratings, at most for `last`.
      seed: settles which.

    Raises:
      ValueError: if that is none of them.
    """
    rng = np.random.default_rng(seed)
    count = int(share * len(states.positions))
    chosen = np.zeros(len(states.positions), np.bool_)
    if rule == "random":
        chosen[rng.permutation(len(chosen))[:count]] = True
    elif rule == "last":
        users = np.flatnonzero(np.diff(states.row_splits) > 1)
        chosen[states.row_splits[1:][rng.permutation(users)[:count]] - 1] = True
    else:
        chosen[np.argsort(states.timestamps, kind="stable")[len(chosen) - count :]] = True
    if not chosen.any():
        raise ValueError(f"validation_share {share:g} holds out none of the training examples; raise it")
    return chosen


def held_out_for_order(states: UserStates, rule: str, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Which ratings the final order of the list is fitted on, [N]: what `held_out` would take next.

    They are others than those that end the fit early, because the models that are chosen by some ratings look
    better on them than they are, and most of all the order of retrieval.

    Args:
      states: as of `held_out`, and so are the other arguments.
      rule: see there.
      share: see there.
      seed: see there.
    """
    first = held_out(states, rule, share, seed)
    chosen = np.zeros(len(first), np.bool_)
    chosen[np.flatnonzero(~first)[held_out(states.where(~first), rule, share, seed + 1)]] = True
    return chosen
