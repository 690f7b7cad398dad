"""The gRPC side: TensorFlow Serving's two services, health and reflection."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2,
    predict_pb2,
    prediction_service_pb2,
)

from serving.model_server.api import Api
from serving.model_server.dispatch import Dispatcher
from serving.model_server.errors import ModelServerError, unimplemented

_LOG = logging.getLogger(__name__)
PREDICTION_SERVICE = prediction_service_pb2.DESCRIPTOR.services_by_name["PredictionService"].full_name
MODEL_SERVICE = model_service_pb2.DESCRIPTOR.services_by_name["ModelService"].full_name
_HEALTH_SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
# Methods over tf.Examples. Clients call `Predict` with a signature that reads Examples in their place.
UNIMPLEMENTED = ("Classify", "Regress", "MultiInference")
# The time that the last message to watchers of the health has to be sent.
_LAST_MESSAGE_SECONDS = 0.1
# The label of gRPC requests in the metrics.
_ENTRY_POINT = "GRPC"

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
Request = TypeVar("Request", bound=Message)


class Health(health.aio.HealthServicer):
    """grpc.health.v1, for the server as a whole (the empty name) and for each service.

    Args:
      unavailable: the models without a version that answers; while there are any, the health is NOT_SERVING.
    """

    def __init__(self, unavailable: Callable[[], list[str]]) -> None:
        super().__init__()
        self._unavailable = unavailable
        self._last: int | None = None
        self._watches: set[asyncio.Task[None]] = set()

    async def Check(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        """The health now."""
        await self.refresh()
        return await super().Check(request, context)

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Context) -> None:  # noqa: N802
        """Streams changes until the client disconnects or the server stops."""
        watch = asyncio.create_task(super().Watch(request, context))
        self._watches.add(watch)
        try:
            # A stream that ends is an answer; an exception in its place would leave the client waiting.
            await asyncio.wait((watch,))
        finally:
            watch.cancel()
            self._watches.discard(watch)

    async def refresh(self) -> None:
        """Sets the health of the server and of its services to what it is, also for watchers."""
        status = health_pb2.HealthCheckResponse.SERVING
        if self._unavailable():
            status = health_pb2.HealthCheckResponse.NOT_SERVING
        if status != self._last:
            self._last = status
            for name in ("", PREDICTION_SERVICE, MODEL_SERVICE):
                await self.set(name, status)

    async def stop(self) -> None:
        """Sets the health to NOT_SERVING and ends the streams of watchers, which do not end by themselves."""
        await self.enter_graceful_shutdown()
        await asyncio.sleep(_LAST_MESSAGE_SECONDS)
        for watch in tuple(self._watches):
            watch.cancel()


def add_services(
    server: grpc.aio.Server, api: Api, dispatcher: Dispatcher, health_service: Health | None
) -> None:
    """Registers TensorFlow Serving's two services, reflection and, unless it is None, health."""

    async def at_once(work: Callable[[], Message]) -> Message:
        return work()

    def predict(request: predict_pb2.PredictRequest) -> Message:
        with api.counted(request.model_spec.name, "Predict", _ENTRY_POINT):
            return api.predict(request)

    prediction = {
        "Predict": _unary(predict_pb2.PredictRequest, predict, dispatcher.run),
        "GetModelMetadata": _unary(
            get_model_metadata_pb2.GetModelMetadataRequest, api.get_model_metadata, at_once
        ),
    }
    models = {
        "GetModelStatus": _unary(get_model_status_pb2.GetModelStatusRequest, api.get_model_status, at_once),
        "HandleReloadConfigRequest": _unary(
            model_management_pb2.ReloadConfigRequest, api.handle_reload_config, asyncio.to_thread
        ),
    }
    for method in UNIMPLEMENTED:
        prediction[method] = grpc.unary_unary_rpc_method_handler(partial(_refuse, method))
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(PREDICTION_SERVICE, prediction),
            grpc.method_handlers_generic_handler(MODEL_SERVICE, models),
        )
    )
    services = [PREDICTION_SERVICE, MODEL_SERVICE, reflection.SERVICE_NAME]
    if health_service:
        health_pb2_grpc.add_HealthServicer_to_server(health_service, server)
        services.append(_HEALTH_SERVICE)
    reflection.enable_server_reflection(services, server)


async def _refuse(method: str, _: bytes, context: Context) -> bytes:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, unimplemented(method).details)
    raise AssertionError("abort does not return")


def _unary(
    request_type: type[Request],
    answer: Callable[[Request], Message],
    run: Callable[[Callable[[], bytes]], Awaitable[bytes]],
) -> grpc.RpcMethodHandler:
    """A method over serialized messages; bytes that do not parse get a status of this server."""

    def work(serialized: bytes) -> bytes:
        try:
            request = request_type.FromString(serialized)
        except DecodeError as problem:
            name = request_type.DESCRIPTOR.full_name
            raise ModelServerError(
                grpc.StatusCode.INTERNAL, f"Failed to parse the request as {name}"
            ) from problem
        response: bytes = answer(request).SerializeToString()
        return response

    async def handle(serialized: bytes, context: Context) -> bytes:
        try:
            return await run(lambda: work(serialized))
        except ModelServerError as error:
            code, details = error.code, error.details
        except asyncio.CancelledError:
            raise
        except Exception as problem:
            # A bug of this server: the traceback goes to its log, the type of the exception to the client.
            _LOG.exception("A request failed")
            code, details = (
                grpc.StatusCode.INTERNAL,
                f"unexpected {type(problem).__name__} in the model server",
            )
        await context.abort(code, details)
        raise AssertionError("abort does not return")

    return grpc.unary_unary_rpc_method_handler(handle)
