"""The baselines by name, and the settings that each is tuned over."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from studies.baselines.base import RatingBaseline, RetrievalBaseline
from studies.tasks import RANKING, RETRIEVAL, Task

# Baselines that choose at random take a seed.
SEED: Final = "seed"

# Libraries of the extra are imported by the baselines that need them, and by no other.


def _popularity(**settings: Any) -> RetrievalBaseline:
    from studies.baselines.popularity import Popularity

    return Popularity(**settings)


def _item_knn(**settings: Any) -> RetrievalBaseline:
    from studies.baselines.linear import ItemKnn

    return ItemKnn(**settings)


def _ease(**settings: Any) -> RetrievalBaseline:
    from studies.baselines.linear import Ease

    return Ease(**settings)


def _ials(**settings: Any) -> RetrievalBaseline:
    from studies.baselines.ials import ImplicitAls

    return ImplicitAls(**settings)


def _recent_for_new_users(make: Callable[..., RetrievalBaseline]) -> Callable[..., RetrievalBaseline]:
    def make_both(**settings: Any) -> RetrievalBaseline:
        from studies.baselines.popularity import NewUsersGetRecent

        return NewUsersGetRecent(make(**settings))

    return make_both


def _biases(**settings: Any) -> RatingBaseline:
    from studies.baselines.biases import DampedBiases

    return DampedBiases(**settings)


def _svd(**settings: Any) -> RatingBaseline:
    from studies.baselines.factorization import Factorization

    return Factorization("svd", **settings)


def _svd_pp(**settings: Any) -> RatingBaseline:
    from studies.baselines.factorization import Factorization

    return Factorization("svd++", **settings)


@dataclass(frozen=True)
class BaselineSpec:
    """How a baseline is made.

    Attributes:
      task: what it does.
      make: settings to an unfitted baseline.
      grid: the settings that tuning chooses from; a single entry is taken as it is.
      seeded: whether `make` takes a seed.
    """

    task: Task
    make: Callable[..., Any]
    grid: Sequence[Mapping[str, Any]] = ({},)
    seeded: bool = False


def _product(**choices: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


_KNN_GRID: Final = _product(neighbours=(50, 100, 200, 400), shrinkage=(0.0, 10.0, 50.0, 100.0))
_EASE_GRID: Final = _product(penalty=(50.0, 100.0, 200.0, 300.0, 500.0, 1000.0, 2000.0))
_ALS_GRID: Final = _product(factors=(32, 64, 128), regularization=(10.0, 30.0, 100.0), alpha=(2.0, 4.0, 8.0))
_SVD_GRID: Final = [
    {},
    *_product(n_factors=(100, 200), n_epochs=(40, 80, 120), lr_all=(0.005,), reg_all=(0.06, 0.1, 0.15)),
]
_SVD_PP_GRID: Final = [{}, *_product(n_factors=(20,), n_epochs=(20, 40, 80), reg_all=(0.06, 0.1, 0.15))]

BASELINES: Final[Mapping[str, BaselineSpec]] = {
    "popularity": BaselineSpec(RETRIEVAL, _popularity),
    "popularity, 30 days": BaselineSpec(RETRIEVAL, _popularity, ({"days": 30},)),
    "item-kNN": BaselineSpec(RETRIEVAL, _item_knn, _KNN_GRID),
    "EASE": BaselineSpec(RETRIEVAL, _ease, _EASE_GRID),
    "iALS": BaselineSpec(RETRIEVAL, _ials, _ALS_GRID, seeded=True),
    "item-kNN, new users get recent": BaselineSpec(RETRIEVAL, _recent_for_new_users(_item_knn), _KNN_GRID),
    "EASE, new users get recent": BaselineSpec(RETRIEVAL, _recent_for_new_users(_ease), _EASE_GRID),
    "iALS, new users get recent": BaselineSpec(
        RETRIEVAL, _recent_for_new_users(_ials), _ALS_GRID, seeded=True
    ),
    "biases": BaselineSpec(
        RANKING, _biases, _product(movie_damping=(1.0, 5.0, 10.0, 25.0), user_damping=(1.0, 5.0, 10.0, 25.0))
    ),
    "SVD, library defaults": BaselineSpec(RANKING, _svd, seeded=True),
    "SVD": BaselineSpec(RANKING, _svd, _SVD_GRID, seeded=True),
    "SVD++, library defaults": BaselineSpec(RANKING, _svd_pp, seeded=True),
    "SVD++": BaselineSpec(RANKING, _svd_pp, _SVD_PP_GRID, seeded=True),
}
