"""What Prometheus reads of an application."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram


class AppMetrics:
    """The metrics of one application, in a registry of its own.

    Attributes:
      registry: to export.
      requests: seconds by route, method and status.
      model_seconds: seconds of calls of the model server, by call and outcome.
      lists: lists that were shown, by list and variant.
      ratings: ratings that were written, by variant.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "movielens_app_request_seconds",
            "Seconds that requests took.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.model_seconds = Histogram(
            "movielens_app_model_call_seconds",
            "Seconds that calls of the model server took.",
            ["call", "outcome"],
            registry=self.registry,
        )
        self.lists = Counter(
            "movielens_app_lists", "Lists that were shown.", ["list", "variant"], registry=self.registry
        )
        self.ratings = Counter(
            "movielens_app_ratings", "Ratings that were written.", ["variant"], registry=self.registry
        )
