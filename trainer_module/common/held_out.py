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
