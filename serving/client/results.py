"""What the client's calls return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ServedBy:
    """The model that answered.

    Attributes:
      model: its name on the server.
      version: the version that answered, whatever version or label was requested.
    """

    model: str
    version: int


@dataclass(frozen=True, init=False)
class ScoredMovie:
    """A movie of a list.

    Attributes:
      movie_id: its id.
      title: its title; movies of different ids can share one.
      score: what the list is ordered by, with no unit: see the call.
    """

    movie_id: str
    title: str
    score: float

    # A batch has thousands of them, and a generated frozen `__init__` takes twice the time.
    def __init__(self, movie_id: str, title: str, score: float) -> None:
        attributes = self.__dict__
        attributes["movie_id"], attributes["title"], attributes["score"] = movie_id, title, score


@dataclass(frozen=True)
class MovieList:
    """Movies from the retrieval model, the best first.

    Attributes:
      movies: at most as many as were requested; fewer where the catalogue does not hold more.
      known: whether the user or the movie of the request is in the model; None for a history, of which
        it is not reported.
      served_by: the model that answered.
    """

    movies: tuple[ScoredMovie, ...]
    known: bool | None
    served_by: ServedBy


@dataclass(frozen=True)
class Ratings:
    """Ratings that a user is predicted to give.

    Attributes:
      user_id: the user.
      movie_ids: the movies, in the order of the request, [C].
      predicted_ratings: the ratings in stars, [C].
      served_by: the model that answered.
    """

    user_id: str
    movie_ids: tuple[str, ...]
    predicted_ratings: tuple[float, ...]
    served_by: ServedBy


@dataclass(frozen=True)
class ExampleRatings:
    """Predicted ratings of rows of raw features.

    Attributes:
      predicted_ratings: in stars, in the order of the rows.
      served_by: the model that answered.
    """

    predicted_ratings: tuple[float, ...]
    served_by: ServedBy


# What a list is in: the final order, which is made for what users like, or that of retrieval.
Order = Literal["final", "retrieval"]


@dataclass(frozen=True, init=False)
class RecommendedMovie:
    """A movie of the list that a user gets.

    Attributes:
      movie_id: its id.
      title: its title; movies of different ids can share one.
      score: what the list is ordered by, with no unit: the final order's or, where that is missing,
        retrieval's.
      predicted_rating: in stars; None where the final order is missing.
    """

    movie_id: str
    title: str
    score: float
    predicted_rating: float | None

    def __init__(self, movie_id: str, title: str, score: float, predicted_rating: float | None) -> None:
        attributes = self.__dict__
        attributes["movie_id"], attributes["title"], attributes["score"] = movie_id, title, score
        attributes["predicted_rating"] = predicted_rating


@dataclass(frozen=True)
class Recommendation:
    """The list for one user, from one model or from both stages.

    Attributes:
      user_id: the user.
      known_user: whether the user is in the model; if not, the movies are what is popular.
      movies: the best first.
      order: what `movies` are ordered by.
      recommender: the model that returned the whole list; None if the stages were called one by one.
      retrieval: the model that retrieved; None if `recommender` did.
      ranking: the model that ordered what was retrieved; None if `recommender` did, or nothing was ordered.
      degraded: why the order is that of retrieval, or the two stages are of different versions; None
        if neither is the case.
    """

    user_id: str
    known_user: bool
    movies: tuple[RecommendedMovie, ...]
    order: Order
    recommender: ServedBy | None
    retrieval: ServedBy | None
    ranking: ServedBy | None
    degraded: str | None

    @property
    def versions(self) -> dict[str, int]:
        """The versions that answered, by model."""
        models = (self.recommender, self.retrieval, self.ranking)
        return {each.model: each.version for each in models if each}

    @property
    def mixed_versions(self) -> bool:
        """Whether two stages of different versions made the list."""
        return len(set(self.versions.values())) > 1


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a signature.

    Attributes:
      dtype: TensorFlow's name of the type, such as "DT_STRING".
      shape: the sizes of the dimensions, -1 for any; None if the rank is not known.
    """

    dtype: str
    shape: tuple[int, ...] | None


@dataclass(frozen=True)
class Signature:
    """A call that a model answers: its inputs and outputs by name."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]


@dataclass(frozen=True)
class ModelMetadata:
    """The signatures of a model, by name, and the version they are from."""

    served_by: ServedBy
    signatures: Mapping[str, Signature]


@dataclass(frozen=True)
class VersionStatus:
    """The state of one version of a model.

    Attributes:
      version: the version.
      state: START, LOADING, AVAILABLE, UNLOADING or END.
      code: "OK", or the code of the error that keeps the version from being served.
      reason: the server's message about that error.
    """

    version: int
    state: str
    code: str
    reason: str
