"""Where a server is and how to reach it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Union

import grpc

from contracts.signatures import MAX_ROWS
from serving.client.calls import BrokenContractError, Call
from serving.client.deadline import Deadline, check_timeout
from serving.client.errors import ServingError

DEFAULT_ADDRESS: Final = "localhost:8500"
DEFAULT_TIMEOUT: Final = 10.0
DEFAULT_CONNECTIONS: Final = 4
# With 100 candidates for each user, one request sends 6,400 movies to the ranking model.
DEFAULT_BATCH_SIZE: Final = 64

# The most that an answer may weigh. gRPC's own limit of 4 MiB is below what a few hundred candidates for a
# batch of users take.
_MAX_ANSWER_BYTES: Final = 64 * 2**20

# Every address that the name resolves to gets its share of the calls; gRPC itself would send all of them to
# the first one that answers. Pauses grow from 0.1 to 1 s and differ at random, so that clients which failed
# together do not return together. gRPC allows five attempts, the first included.
_SERVICE_CONFIG: Final = {
    "loadBalancingConfig": [{"round_robin": {}}],
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
    ],
}

_CHANNEL_OPTIONS: Final = {
    "grpc.max_receive_message_length": _MAX_ANSWER_BYTES,
    "grpc.max_send_message_length": -1,
    "grpc.service_config": json.dumps(_SERVICE_CONFIG),
    # A request above the size of the buffer would not be sent again.
    "grpc.per_rpc_retry_buffer_size": _MAX_ANSWER_BYTES,
    # gRPC has to try to connect about as often as it sends a request again.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    # Each channel has a connection of its own.
    "grpc.use_local_subchannel_pool": 1,
    # While a call is under way, a server that is gone without a word is noticed after half a minute. Servers
    # close connections of clients that ping more often than they allow, so idle ones are not pinged.
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 10_000,
}

# Options of gRPC's channels, by name.
ChannelOptions = Mapping[str, Union[int, str, bytes]]


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
          ValueError: a file is not PEM.
        """
        files = (self.root_certificates, self.private_key, self.certificate)
        return grpc.ssl_channel_credentials(*(_read_pem(file) if file else None for file in files))


def _read_pem(file: Path) -> bytes:
    content = file.read_bytes()
    # gRPC would connect with it and report that nobody listens.
    if b"-----BEGIN " not in content:
        raise ValueError(f"{file} is not a PEM file: it has no line that starts with -----BEGIN")
    return content


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
      channel_options: of gRPC, beside or instead of those of this module.
    """

    address: str
    timeout: float
    tls: Tls | None
    token: Token | None = field(repr=False)
    connections: int
    batch_size: int
    channel_options: ChannelOptions

    def __post_init__(self) -> None:
        check_timeout(self.timeout)
        if self.connections < 1:
            raise ValueError(f"connections is {self.connections}: it has to be 1 or more")
        if not 1 <= self.batch_size <= MAX_ROWS:
            raise ValueError(f"batch_size is {self.batch_size}: the models take 1 to {MAX_ROWS:,}")
        if self.token is not None and self.tls is None:
            raise ValueError("a token without TLS would travel in the clear: give tls=Tls()")
        if isinstance(self.token, str):
            _check_token(self.token)

    def channel(self, grpc_library: Any) -> Any:
        """A new channel, from `grpc` or from `grpc.aio`."""
        options = tuple({**_CHANNEL_OPTIONS, **self.channel_options}.items())
        if self.tls is None:
            return grpc_library.insecure_channel(self.address, options=options)
        return grpc_library.secure_channel(self.address, self.tls.credentials(), options=options)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The headers of a request.

        Raises:
          ValueError: what the function returned cannot be a token.
        """
        if self.token is None:
            return ()
        token = self.token if isinstance(self.token, str) else _check_token(self.token())
        return (("authorization", f"Bearer {token}"),)

    def deadline(self, timeout: float | None) -> Deadline:
        """The time that a call has from now on; None stands for what most have."""
        return Deadline(self.timeout if timeout is None else timeout, self.address)

    def failed(self, call: Call, error: grpc.RpcError) -> ServingError:
        """What gRPC reports, as the error that the client raises."""
        reason = error.details() or "no reason was given"
        if self.tls and error.code() is grpc.StatusCode.UNAVAILABLE:
            host = self.address.rpartition(":")[0]
            reason += (
                f"; with TLS its certificate has to be for {host!r} and signed by "
                f"{self.tls.root_certificates or 'an authority that gRPC comes with'}"
            )
        return ServingError(error.code(), call.model, self.address, reason)

    def closed(self, call: Call) -> ServingError:
        """The error of a call for which the client is closed."""
        return ServingError(grpc.StatusCode.CANCELLED, call.model, self.address, "the client was closed")

    def broke_contract(self, error: BrokenContractError) -> ServingError:
        """The error that the client raises for an answer that is not what was promised."""
        return ServingError(grpc.StatusCode.INTERNAL, error.model, self.address, error.reason)


def _check_token(token: str) -> str:
    # The token itself stays out of the message.
    if not token:
        raise ValueError("the token has to be a text that is not empty")
    if wrong := [place for place, sign in enumerate(token) if not "!" <= sign <= "~"]:
        raise ValueError(
            f"character {wrong[0] + 1} of the {len(token)} of the token is a space, a line break or not "
            "ASCII, which a header cannot hold"
        )
    return token
