"""What people of the platform want to see: what is served, how good and how fast, and why a film is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import grpc

from contracts.metrics import GRADED_NDCG, LIKED_RECALL, MAE, RECALL_AT, RMSE
from contracts.signatures import CANDIDATES, JOINT, RANKING, RECOMMENDER, RETRIEVAL
from serving.app.catalogue import CatalogueMovie, MovieCatalogue
from serving.app.model_calls import ModelServerDownError
from serving.app.services import Services
from serving.client import Client, ServingError, VersionStatus

_METRICS: Final = (RECALL_AT[10], LIKED_RECALL, GRADED_NDCG, RMSE, MAE)
# Movies of each list that are compared.
_SHOWN: Final = 20


@dataclass(frozen=True)
class ServedModelRow:
    """A model of the server.

    Attributes:
      model: its name.
      states: of its versions, the newest first.
      metrics: of the newest version that was pushed.
      reference: the same metrics of the baseline.
      measured_on: split and data of the metrics.
      run_id: the run that pushed it.
    """

    model: str
    states: Sequence[VersionStatus]
    metrics: Mapping[str, float]
    reference: Mapping[str, float]
    measured_on: str
    run_id: str


@dataclass(frozen=True)
class StagedMovie:
    """A candidate and its place in each order, from 1.

    Attributes:
      movie: the movie.
      final: in the list that the user gets.
      retrieval: in the order of retrieval, None if it is not among its candidates.
      by_stars: in the order of predicted ratings.
      stars: the predicted rating.
    """

    movie: CatalogueMovie
    final: int
    retrieval: int | None
    by_stars: int | None
    stars: float | None


@dataclass(frozen=True)
class VersionList:
    """The list of one version; `problem` says why there is none."""

    version: int
    movies: Sequence[CatalogueMovie]
    problem: str = ""


def served_models(app: Services) -> tuple[list[ServedModelRow], str]:
    """The models of the server, and why it does not answer, "" if it does."""
    manifests = app.published.manifests()
    rows, problem = [], ""
    stages = (RECOMMENDER, RETRIEVAL, RANKING)
    for model in (*stages, JOINT) if JOINT in manifests else stages:
        states: list[VersionStatus] = []
        try:
            states = app.calls.send("status", partial(Client.status, model=model))
        except ModelServerDownError as error:
            problem = str(error)
        except ServingError as error:
            if error.code is not grpc.StatusCode.NOT_FOUND:
                problem = error.reason
        pushed = manifests.get(model, {})
        if not states and not pushed:
            continue
        manifest = next(iter(pushed.values()), {})
        metrics = manifest.get("metrics", {})
        rows.append(
            ServedModelRow(
                model,
                states,
                _chosen(metrics.get("candidate", {})),
                _chosen(metrics.get("reference", {})),
                manifest.get("measured_on", ""),
                manifest.get("run_id", ""),
            )
        )
    return rows, problem


def orders_of(app: Services, user_id: str) -> list[StagedMovie]:
    """The candidates of a user in the final order, with their places in both stages.

    Raises:
      ModelServerDownError: the model server does not answer.
      ServingError: it does not have a model.
    """
    best = app.calls.send("recommend", lambda client: client.recommend(user_id, CANDIDATES))
    version = max(best.versions.values())
    found = app.calls.send("retrieve", lambda client: client.retrieve(user_id, CANDIDATES, version=version))
    retrieved = {movie.movie_id: place for place, movie in enumerate(found.movies, start=1)}
    rated = [movie for movie in best.movies if movie.predicted_rating is not None]
    by_stars = {
        movie.movie_id: place
        for place, movie in enumerate(
            sorted(rated, key=lambda movie: -(movie.predicted_rating or 0.0)), start=1
        )
    }
    catalogue = app.published.catalogue()
    movies = catalogue.movies(movie.movie_id for movie in best.movies)
    return [
        StagedMovie(
            movies[movie.movie_id],
            place,
            retrieved.get(movie.movie_id),
            by_stars.get(movie.movie_id),
            movie.predicted_rating,
        )
        for place, movie in enumerate(best.movies, start=1)
        if movie.movie_id in movies
    ][:_SHOWN]


def list_of_version(app: Services, user_id: str, version: int) -> VersionList:
    """The list that one version of the recommender gives a user."""
    try:
        found = app.calls.send("recommend", lambda client: client.recommend(user_id, _SHOWN, version=version))
    except (ModelServerDownError, ServingError) as error:
        return VersionList(version, (), str(error))
    return VersionList(version, _movies(app.published.catalogue(), [each.movie_id for each in found.movies]))


def _movies(catalogue: MovieCatalogue, movie_ids: Sequence[str]) -> list[CatalogueMovie]:
    found = catalogue.movies(movie_ids)
    return [found[movie_id] for movie_id in movie_ids if movie_id in found]


def _chosen(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: metrics[name] for name in _METRICS if name in metrics}
