"""The HTTP side: predictions, metadata, status and Prometheus' page."""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

import grpc
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
)

from serving.model_server.api import SIGNATURE_DEF, Api
from serving.model_server.dispatch import Dispatcher
from serving.model_server.errors import ModelServerError, invalid_argument, unimplemented
from serving.model_server.metrics import Metrics
from serving.model_server.rest import json_requests, json_responses

_LOG = logging.getLogger(__name__)
_ENTRY_POINT = "REST"
_VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_FLAGS = re.ASCII | re.IGNORECASE
_PREDICTION = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<method>classify|regress|predict)", _FLAGS
)
_STATUS = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?P<metadata>/metadata)?", _FLAGS)
_LARGEST_VERSION = str(2**63 - 1)
# The paths of the open inference protocol, which TensorFlow Serving does not have.
_READY, _LIVE = "/v2/health/ready", "/v2/health/live"
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Authorization",
}


@dataclass(frozen=True)
class RestSettings:
    """How HTTP requests are answered.

    Attributes:
      metrics_path: where Prometheus reads, if it does.
      seconds: how long a request may take to arrive, and an answer to be made.
      max_bytes: of a body.
      max_rows: of an input.
      cors: whether pages of other origins may call.
    """

    metrics_path: str | None
    seconds: float
    max_bytes: int
    max_rows: int
    cors: bool


class RestApi:
    """Answers HTTP requests."""

    def __init__(
        self,
        api: Api,
        dispatcher: Dispatcher,
        metrics: Metrics,
        settings: RestSettings,
        unavailable: Callable[[], list[str]],
    ):
        """Makes the handler.

        Args:
          api: what computes the answers.
          dispatcher: where they are computed.
          metrics: what Prometheus reads.
          settings: how to answer.
          unavailable: the models without a version that answers.
        """
        self._api = api
        self._dispatcher = dispatcher
        self._metrics = metrics
        self.settings = settings
        self._unavailable = unavailable

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """The answer to a request."""
        response = await self._handle(request)
        if self.settings.cors:
            response.headers.update(_CORS)
        return response

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        path = request.rel_url.raw_path
        if request.method == "GET" and path == self.settings.metrics_path:
            return web.Response(body=self._metrics.page(), content_type="text/plain")
        if request.method == "GET" and path in (_READY, _LIVE):
            return self._health(path)
        if not path.lower().startswith("/v1/"):
            return _failure(ModelServerError(grpc.StatusCode.NOT_FOUND, f"there is nothing at {path}"))
        if request.method == "OPTIONS" and self.settings.cors:
            return web.Response()
        try:
            return _json(await self._answer(request.method, path, await self._body(request)))
        except ModelServerError as error:
            return _failure(error)
        except web.HTTPException as error:
            # A body that is too large.
            return _json(json_responses.error(error.text or error.reason), error.status)
        except ConnectionError:
            # Nobody is left to read an answer.
            return web.Response(status=499)
        except Exception as problem:
            _LOG.exception("A request failed")
            return _failure(
                ModelServerError(
                    grpc.StatusCode.INTERNAL, f"unexpected {type(problem).__name__} in the model server"
                )
            )

    def _health(self, path: str) -> web.Response:
        missing = self._unavailable() if path == _READY else []
        if missing:
            message = f"no version is AVAILABLE of: {', '.join(sorted(missing))}"
            return _failure(ModelServerError(grpc.StatusCode.UNAVAILABLE, message))
        return _json(b"{}")

    async def _body(self, request: web.BaseRequest) -> bytes:
        try:
            return await asyncio.wait_for(request.read(), self.settings.seconds)
        except asyncio.TimeoutError as problem:
            raise ModelServerError(
                grpc.StatusCode.DEADLINE_EXCEEDED, f"no whole request within {self.settings.seconds:g} s"
            ) from problem
        except (web.RequestPayloadError, HttpProcessingError) as problem:
            raise invalid_argument(f"the body cannot be read: {problem}") from problem

    async def _answer(self, method: str, path: str, body: bytes) -> bytes:
        prediction = _PREDICTION.fullmatch(path) if method == "POST" else None
        if prediction:
            spec = _model_spec(prediction)
            if prediction["method"].lower() != "predict":
                raise unimplemented(prediction["method"].capitalize())
            return await self._in_time(lambda: self._predict(spec, body))
        status = _STATUS.fullmatch(path) if method == "GET" else None
        if not status:
            raise invalid_argument(f"Malformed request: {method} {path}")
        if not status["name"]:
            raise invalid_argument("Missing model name in request.")
        spec = _model_spec(status)
        if status["metadata"]:
            metadata_request = get_model_metadata_pb2.GetModelMetadataRequest(
                model_spec=spec, metadata_field=[SIGNATURE_DEF]
            )
            return json_responses.metadata(self._api.get_model_metadata(metadata_request))
        return json_responses.message(
            self._api.get_model_status(get_model_status_pb2.GetModelStatusRequest(model_spec=spec))
        )

    async def _in_time(self, work: Callable[[], bytes]) -> bytes:
        try:
            return await asyncio.wait_for(self._dispatcher.run(work), self.settings.seconds)
        except asyncio.TimeoutError as problem:
            raise ModelServerError(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                f"no answer within {self.settings.seconds:g} s (--rest_api_timeout_in_ms)",
            ) from problem

    def _predict(self, spec: model_pb2.ModelSpec, body: bytes) -> bytes:
        request = predict_pb2.PredictRequest(model_spec=spec)
        with self._api.counted(spec.name, "Predict", _ENTRY_POINT):
            wanted = json_requests.fill_predict_request(
                body, request, lambda name: self._api.inputs_of(spec, name), self._api.limits.check_rows
            )
            return json_responses.predictions(self._api.outputs(request), wanted)


def _model_spec(path: re.Match[str]) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=unquote(path["name"]))
    if path["version"]:
        digits = path["version"].lstrip("0") or "0"
        # Compared as text, by length first: Python refuses to read a number of thousands of digits.
        if (len(digits), digits) > (len(_LARGEST_VERSION), _LARGEST_VERSION):
            raise invalid_argument(f"Failed to convert version: {path['version']} to numeric.")
        spec.version.value = int(digits)
    elif path["label"]:
        spec.version_label = unquote(path["label"])
    return spec


def _failure(error: ModelServerError) -> web.Response:
    return _json(json_responses.error(error.details), error.http_status)


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")
