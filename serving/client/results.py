"""What the client's calls return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ServedBy:
    """The model that answered.

    Attributes:
      model: its name on the server.
      version: the version that answered, whatever version or label was requested.
    """

    model: str
    version: int


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class MovieList:
    """Movies from the retrieval model, the best first.

    Attributes:
      movies: at most as many as were requested; fewer where the catalogue holds no more.
      known: whether the user or the movie of the request is in the model; None for a history, of which
        it does not say.
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
class RecommendedMovie:
    """A movie that was retrieved and, unless the answer is degraded, ranked.

    Attributes:
      movie_id: its id.
      title: its title; movies of different ids can share one.
      score: the retrieval model's, with no unit.
      predicted_rating: the ranking model's, in stars; None in a degraded answer.
    """

    movie_id: str
    title: str
    score: float
    predicted_rating: float | None


@dataclass(frozen=True)
class Recommendation:
    """The answer of both stages for one user.

    Attributes:
      user_id: the user.
      known_user: whether the user is in the retrieval model; if not, the candidates are what is popular.
      movies: the highest predicted rating first; in a degraded answer, the highest retrieval score.
      retrieval: the model that retrieved.
      ranking: the model that ranked; None where nothing was ranked.
      degraded: why the movies are in the order of retrieval; None if the ranking model ordered them.
    """

    user_id: str
    known_user: bool
    movies: tuple[RecommendedMovie, ...]
    retrieval: ServedBy
    ranking: ServedBy | None
    degraded: str | None

    @property
    def versions(self) -> dict[str, int]:
        """The versions that answered, by model."""
        return {stage.model: stage.version for stage in (self.retrieval, self.ranking) if stage}


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
      reason: what the server says about that error.
    """

    version: int
    state: str
    code: str
    reason: str
