"""A typed client of the models, for programs that have neither TensorFlow nor TFX.

    from serving.client import Client

    with Client("localhost:8500") as client:
        print(client.recommend("42", k=10))

`AsyncClient` has the same calls for asyncio.
"""

from serving.client.asynchronous import AsyncClient
from serving.client.blocking import Client
from serving.client.calls import Version
from serving.client.endpoint import Tls
from serving.client.errors import ServingError, raise_failures
from serving.client.results import (
    ExampleRatings,
    ModelMetadata,
    MovieList,
    Ratings,
    Recommendation,
    RecommendedMovie,
    ScoredMovie,
    ServedBy,
    Signature,
    TensorSpec,
    VersionStatus,
)
from serving.client.telemetry import RequestRecord

__all__ = [
    "AsyncClient",
    "Client",
    "ExampleRatings",
    "ModelMetadata",
    "MovieList",
    "Ratings",
    "Recommendation",
    "RecommendedMovie",
    "RequestRecord",
    "ScoredMovie",
    "ServedBy",
    "ServingError",
    "Signature",
    "TensorSpec",
    "Tls",
    "Version",
    "VersionStatus",
    "raise_failures",
]
