"""Where a server is and how to reach it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Union

import grpc

from serving.client.calls import BrokenContractError, Call
from serving.client.deadline import Deadline
from serving.client.errors import ServingError

DEFAULT_ADDRESS: Final = "localhost:8500"
DEFAULT_TIMEOUT: Final = 10.0
DEFAULT_CONNECTIONS: Final = 4
# With 100 candidates for each user, one request sends 6,400 movies to the ranking model.
DEFAULT_BATCH_SIZE: Final = 64

# The most that an answer may weigh. gRPC's own limit of 4 MiB is below what a few hundred candidates for a
# batch of users take.
_MAX_ANSWER_BYTES: Final = 64 * 2**20

# Pauses grow from 0.1 to 1 s and differ at random, so that clients which failed together do not return
# together. gRPC allows five attempts, the first included.
_RETRIES: Final = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}

_CHANNEL_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MAX_ANSWER_BYTES),
    ("grpc.max_send_message_length", -1),
    ("grpc.service_config", json.dumps(_RETRIES)),
    # A request above the size of the buffer would not be sent again.
    ("grpc.per_rpc_retry_buffer_size", _MAX_ANSWER_BYTES),
    # gRPC has to try to connect about as often as it sends a request again.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # Each channel has a connection of its own.
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True)
class Tls:
    """An encrypted connection.

    Attributes:
      root_certificates: PEM file of the authorities that may sign its certificate; None stands for those
        that come with gRPC.
      certificate: PEM file of the client's own certificate chain, for mutual TLS.
      private_key: PEM file of its key.
    """

    root_certificates: Path | None = None
    certificate: Path | None = None
    private_key: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("mutual TLS takes both a certificate and its private key")

    def credentials(self) -> Any:
        """The credentials as gRPC takes them.

        Raises:
          OSError: a file cannot be read.
        """
        files = (self.root_certificates, self.private_key, self.certificate)
        return grpc.ssl_channel_credentials(*(file.read_bytes() if file else None for file in files))


Token = Union[str, Callable[[], str]]


@dataclass(frozen=True)
class Endpoint:
    """A server and how to reach it: what `Client` and `AsyncClient` are made with.

    Attributes:
      address: host and port of its gRPC service.
      timeout: seconds that a call may take, unless it is given its own.
      tls: None connects in the clear.
      token: sent as `authorization: Bearer ...` with every request; a function is called each time.
      connections: the most connections, and so the most requests of one batch call that are under way at
        the same time.
      batch_size: the most users, histories or movies in one request.
    """

    address: str
    timeout: float
    tls: Tls | None
    token: Token | None = field(repr=False)
    connections: int
    batch_size: int

    def __post_init__(self) -> None:
        if not self.timeout > 0:
            raise ValueError(f"the timeout is {self.timeout} seconds: it has to be above 0")
        if self.connections < 1 or self.batch_size < 1:
            raise ValueError("connections and batch_size have to be 1 or more")
        if self.token is not None and self.tls is None:
            raise ValueError("a token without TLS would travel in the clear: give tls=Tls()")

    def channel(self, grpc_library: Any) -> Any:
        """A new channel, from `grpc` or from `grpc.aio`."""
        if self.tls is None:
            return grpc_library.insecure_channel(self.address, options=_CHANNEL_OPTIONS)
        return grpc_library.secure_channel(self.address, self.tls.credentials(), options=_CHANNEL_OPTIONS)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The headers of a request."""
        if self.token is None:
            return ()
        token = self.token if isinstance(self.token, str) else self.token()
        return (("authorization", f"Bearer {token}"),)

    def deadline(self, timeout: float | None) -> Deadline:
        """The time that a call has from now on; None stands for what most have."""
        return Deadline(self.timeout if timeout is None else timeout, self.address)

    def failed(self, call: Call, error: grpc.RpcError) -> ServingError:
        """What gRPC reports, as the error that the client raises."""
        return ServingError(error.code(), call.model, self.address, error.details() or "no reason was given")

    def broke_contract(self, error: BrokenContractError) -> ServingError:
        """The error that the client raises for an answer that is not what was promised."""
        return ServingError(grpc.StatusCode.INTERNAL, error.model, self.address, error.reason)
