"""The gRPC side: TensorFlow Serving's two services, health and reflection."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.model_server.api import Api
from serving.model_server.dispatch import Dispatcher
from serving.model_server.errors import ServingError

_LOG = logging.getLogger(__name__)
PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
MODEL_SERVICE = "tensorflow.serving.ModelService"
_HEALTH_SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

Context = grpc.aio.ServicerContext[Any, Any]
Request = TypeVar("Request", bound=Message)


class Health:
    """What grpc.health.v1 answers, for the server as a whole (the empty name) and for each service."""

    def __init__(self) -> None:
        self.servicer = health.aio.HealthServicer()

    async def set(self, serving: bool) -> None:
        """Tells who asks, and who watches."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", PREDICTION_SERVICE, MODEL_SERVICE):
            await self.servicer.set(name, status)


def add_services(server: grpc.aio.Server, api: Api, dispatcher: Dispatcher, health_service: Health) -> None:
    """Makes a gRPC server answer."""
    in_thread = dispatcher.run

    async def at_once(work: Callable[[], Message]) -> Message:
        return work()

    prediction = {
        "Predict": _unary(predict_pb2.PredictRequest, api.predict, in_thread),
        "Classify": _unary(classification_pb2.ClassificationRequest, api.classify, in_thread),
        "Regress": _unary(regression_pb2.RegressionRequest, api.regress, in_thread),
        "MultiInference": _unary(inference_pb2.MultiInferenceRequest, api.multi_inference, in_thread),
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
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(PREDICTION_SERVICE, prediction),
            grpc.method_handlers_generic_handler(MODEL_SERVICE, models),
        )
    )
    health_pb2_grpc.add_HealthServicer_to_server(health_service.servicer, server)
    reflection.enable_server_reflection(
        (PREDICTION_SERVICE, MODEL_SERVICE, _HEALTH_SERVICE, reflection.SERVICE_NAME), server
    )


def _unary(
    request_type: type[Request],
    answer: Callable[[Request], Message],
    run: Callable[[Callable[[], bytes]], Awaitable[bytes]],
) -> grpc.RpcMethodHandler:
    """A method that takes and gives serialized messages: what is no message gets a status of ours."""

    def work(serialized: bytes) -> bytes:
        try:
            request = request_type.FromString(serialized)
        except DecodeError as problem:
            name = request_type.DESCRIPTOR.full_name
            raise ServingError(grpc.StatusCode.INTERNAL, f"Failed to parse the request as {name}") from problem
        return answer(request).SerializeToString()

    async def handle(serialized: bytes, context: Context) -> bytes:
        try:
            return await run(lambda: work(serialized))
        except ServingError as error:
            code, details = error.code, error.details
        except asyncio.CancelledError:
            raise
        except Exception as problem:
            # The fault is this server's own, so its log gets the trace and the client the type.
            _LOG.exception("A request failed")
            code, details = grpc.StatusCode.INTERNAL, f"unexpected {type(problem).__name__} in the model server"
        await context.abort(code, details)
        raise AssertionError("abort does not return")

    return grpc.unary_unary_rpc_method_handler(handle)
