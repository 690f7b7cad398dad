"""The peers by name, and the settings that each is tuned over."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from studies.peers.base import RatingPeer, RetrievalPeer
from studies.tasks import RANKING, RETRIEVAL, Task

# Peers that choose at random take a seed.
SEED: Final = "seed"

# Libraries of the extra are imported by the peers that need them, and by no other.


def _popularity(**settings: Any) -> RetrievalPeer:
    from studies.peers.popularity import Popularity

    return Popularity(**settings)


def _item_knn(**settings: Any) -> RetrievalPeer:
    from studies.peers.linear import ItemKnn

    return ItemKnn(**settings)


def _ease(**settings: Any) -> RetrievalPeer:
    from studies.peers.linear import Ease

    return Ease(**settings)


def _ials(**settings: Any) -> RetrievalPeer:
    from studies.peers.ials import ImplicitAls

    return ImplicitAls(**settings)


def _recent_for_new_users(make: Callable[..., RetrievalPeer]) -> Callable[..., RetrievalPeer]:
    def make_both(**settings: Any) -> RetrievalPeer:
        from studies.peers.popularity import NewUsersGetRecent

        return NewUsersGetRecent(make(**settings))

    return make_both


def _biases(**settings: Any) -> RatingPeer:
    from studies.peers.biases import DampedBiases

    return DampedBiases(**settings)


def _svd(**settings: Any) -> RatingPeer:
    from studies.peers.factorization import Factorization

    return Factorization("svd", **settings)


def _svd_pp(**settings: Any) -> RatingPeer:
    from studies.peers.factorization import Factorization

    return Factorization("svd++", **settings)


@dataclass(frozen=True)
class PeerSpec:
    """How a peer is made.

    Attributes:
      task: what it does.
      make: settings to an unfitted peer.
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

PEERS: Final[Mapping[str, PeerSpec]] = {
    "popularity": PeerSpec(RETRIEVAL, _popularity),
    "popularity, 30 days": PeerSpec(RETRIEVAL, _popularity, ({"days": 30},)),
    "item-kNN": PeerSpec(RETRIEVAL, _item_knn, _KNN_GRID),
    "EASE": PeerSpec(RETRIEVAL, _ease, _EASE_GRID),
    "iALS": PeerSpec(RETRIEVAL, _ials, _ALS_GRID, seeded=True),
    "item-kNN, new users get recent": PeerSpec(RETRIEVAL, _recent_for_new_users(_item_knn), _KNN_GRID),
    "EASE, new users get recent": PeerSpec(RETRIEVAL, _recent_for_new_users(_ease), _EASE_GRID),
    "iALS, new users get recent": PeerSpec(RETRIEVAL, _recent_for_new_users(_ials), _ALS_GRID, seeded=True),
    "biases": PeerSpec(
        RANKING, _biases, _product(movie_damping=(1.0, 5.0, 10.0, 25.0), user_damping=(1.0, 5.0, 10.0, 25.0))
    ),
    "SVD, library defaults": PeerSpec(RANKING, _svd, seeded=True),
    "SVD": PeerSpec(RANKING, _svd, _SVD_GRID, seeded=True),
    "SVD++, library defaults": PeerSpec(RANKING, _svd_pp, seeded=True),
    "SVD++": PeerSpec(RANKING, _svd_pp, _SVD_PP_GRID, seeded=True),
}
