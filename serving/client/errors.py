"""What goes wrong between client and server, as one class."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

import grpc

_T = TypeVar("_T")

_HINTS: Final = {
    grpc.StatusCode.UNAVAILABLE: (
        "check that a model server listens there for gRPC (port 8500 by custom; 8501 is REST) and that both "
        "sides use TLS or neither"
    ),
    grpc.StatusCode.CANCELLED: "make a new client; one that is closed ends its calls and takes no more",
    grpc.StatusCode.DEADLINE_EXCEEDED: "allow more time (`timeout`) or request fewer users or movies at once",
    grpc.StatusCode.NOT_FOUND: "`python -m serving status` shows the models and versions that the server has",
    grpc.StatusCode.INVALID_ARGUMENT: (
        "`python -m serving metadata` shows what the model takes, `python -m serving status` its versions"
    ),
    grpc.StatusCode.FAILED_PRECONDITION: "`python -m serving metadata` shows the signatures of the model",
    grpc.StatusCode.UNAUTHENTICATED: "check the token or the client's certificate",
    grpc.StatusCode.PERMISSION_DENIED: "check what the token or the client's certificate gives access to",
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        "the server is at a limit: send fewer requests at once, or smaller ones (`batch_size`)"
    ),
    grpc.StatusCode.UNIMPLEMENTED: "what listens there is not TensorFlow Serving: check the address",
    grpc.StatusCode.INTERNAL: "the server or the model is at fault: see the server's log",
}


class ServingError(Exception):
    """A call that the server refused, or that did not reach it in time.

    Attributes:
      code: the gRPC status code. INTERNAL also stands for an answer that breaks the serving contract.
      model: the model of the request.
      address: the server that was called.
      reason: the message of the server, or of gRPC on its way there.
      hint: what to do about it; may be empty.
    """

    def __init__(self, code: grpc.StatusCode, model: str, address: str, reason: str) -> None:
        super().__init__(code, model, address, reason)
        self.code = code
        self.model = model
        self.address = address
        self.reason = " ".join(reason.split())
        self.hint = _HINTS.get(code, "")

    def __str__(self) -> str:
        message = f"{self.address}: model {self.model}: {self.code.name}: {self.reason}"
        return f"{message} ({self.hint})" if self.hint else message


def raise_failures(results: Iterable[_T | ServingError]) -> list[_T]:
    """The results of a method over many rows, for callers who need all of them.

    Raises:
      ServingError: the first one among them.
    """
    complete = []
    for result in results:
        if isinstance(result, ServingError):
            raise result
        complete.append(result)
    return complete
