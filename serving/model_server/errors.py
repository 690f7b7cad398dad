"""The error of a request: a status code and a message, as TensorFlow Serving words them."""

from http import HTTPStatus

import grpc
import tensorflow as tf

# TensorFlow Serving cuts what it sends as the details of a gRPC status.
DETAILS_LIMIT = 1024
TRUNCATED = "...TRUNCATED"

_CODES = {code.value[0]: code for code in grpc.StatusCode}

# TensorFlow Serving's table. 499 is nginx's "client closed request".
_HTTP_STATUS = {
    grpc.StatusCode.OK: HTTPStatus.OK,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
    grpc.StatusCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS: HTTPStatus.CONFLICT,
    grpc.StatusCode.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    grpc.StatusCode.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    grpc.StatusCode.FAILED_PRECONDITION: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.ABORTED: HTTPStatus.CONFLICT,
    grpc.StatusCode.OUT_OF_RANGE: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.UNIMPLEMENTED: HTTPStatus.NOT_IMPLEMENTED,
    grpc.StatusCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    grpc.StatusCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
}


class ModelServerError(Exception):
    """A request, or the loading of a version, that cannot be done.

    Attributes:
      code: the status of the answer.
      message: what was wrong, whole.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def details(self) -> str:
        """The message as gRPC sends it: at most 1,024 bytes of it."""
        encoded = self.message.encode(errors="replace")
        if len(encoded) <= DETAILS_LIMIT:
            return encoded.decode()
        return encoded[:DETAILS_LIMIT].decode(errors="ignore") + TRUNCATED

    @property
    def http_status(self) -> int:
        """The status of a REST answer."""
        return int(_HTTP_STATUS.get(self.code, HTTPStatus.INTERNAL_SERVER_ERROR))

    @property
    def number(self) -> int:
        """The code as the protos of TensorFlow Serving carry it."""
        return int(self.code.value[0])

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}"


def invalid_argument(message: str) -> ModelServerError:
    """The error of a request that could never be answered."""
    return ModelServerError(grpc.StatusCode.INVALID_ARGUMENT, message)


def unimplemented(method: str) -> ModelServerError:
    """The error of a method of TensorFlow Serving's API that this server does not have.

    Args:
      method: its name, such as Classify.
    """
    return ModelServerError(
        grpc.StatusCode.UNIMPLEMENTED,
        f"{method} is not supported by this server; call Predict with a signature of the model",
    )


def error_from(problem: BaseException) -> ModelServerError:
    """The error that stands for an exception of TensorFlow or of Python."""
    if isinstance(problem, ModelServerError):
        return problem
    if isinstance(problem, tf.errors.OpError):
        return ModelServerError(_CODES.get(problem.error_code, grpc.StatusCode.UNKNOWN), problem.message)
    return ModelServerError(grpc.StatusCode.UNKNOWN, f"{type(problem).__name__}: {problem}")
