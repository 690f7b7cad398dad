"""What the server answers, whichever way a request came: gRPC, REST or a warm-up file."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from google.protobuf.message import Message
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
    predict_pb2,
    status_pb2,
)

from serving.model_server.config.model_config import models_of
from serving.model_server.errors import error_from, invalid_argument
from serving.model_server.limits import Limits
from serving.model_server.metrics import Metrics
from serving.model_server.models.core import ServerCore
from serving.model_server.models.predict import DEFAULT_SIGNATURE, compute, predict
from serving.model_server.models.tensors import Array

SIGNATURE_DEF = "signature_def"


class Api:
    """The calls of PredictionService and ModelService. Each raises ModelServerError.

    Attributes:
      limits: how much a request may ask for.
    """

    def __init__(self, core: ServerCore, limits: Limits, metrics: Metrics) -> None:
        self._core = core
        self.limits = limits
        self._metrics = metrics

    @contextmanager
    def counted(self, model: str, call: str, entry_point: str) -> Iterator[None]:
        """Counts and times what happens inside.

        Args:
          model: the model of the request. Models that do not exist share one label.
          call: such as Predict.
          entry_point: GRPC or REST.
        """
        started, status = time.perf_counter(), "OK"
        try:
            yield
        except BaseException as problem:
            status = error_from(problem).code.name
            raise
        finally:
            name = model if self._core.has(model) else ""
            self._metrics.request(name, call, entry_point, status, time.perf_counter() - started)

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        """Any signature, tensors in and tensors out."""
        _require_spec(request)
        with self._core.lease(request.model_spec) as (version, servable):
            return predict(servable, version, request, self.limits)

    def outputs(self, request: predict_pb2.PredictRequest) -> dict[str, Array]:
        """The same, as arrays."""
        with self._core.lease(request.model_spec) as (_, servable):
            return compute(servable, request, self.limits)[1]

    def inputs_of(self, spec: model_pb2.ModelSpec, signature: str) -> Mapping[str, meta_graph_pb2.TensorInfo]:
        """What a signature takes; "" is the default one."""
        name = signature or DEFAULT_SIGNATURE
        with self._core.lease(spec) as (_, servable):
            if name not in servable.signatures:
                raise invalid_argument(f'Serving signature name: "{name}" not found in signature def')
            return dict(servable.signatures[name].inputs)

    def get_model_metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """The signatures of a version."""
        _require_spec(request)
        if not request.metadata_field:
            raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
        for name in request.metadata_field:
            if name != SIGNATURE_DEF:
                raise invalid_argument(f"Metadata field {name} is not supported")
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        with self._core.lease(request.model_spec) as (version, servable):
            for name, definition in servable.signatures.items():
                signatures.signature_def[name].CopyFrom(definition)
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = version
        response.metadata[SIGNATURE_DEF].Pack(signatures)
        return response

    def get_model_status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """The state of each version of a model."""
        _require_spec(request)
        response = get_model_status_pb2.GetModelStatusResponse()
        for number, state, error in self._core.statuses(request.model_spec):
            status = response.model_version_status.add(version=number, state=int(state))
            status.status.error_code = error.number if error else 0
            status.status.error_message = error.message if error else ""
        return response

    def handle_reload_config(
        self, request: model_management_pb2.ReloadConfigRequest
    ) -> model_management_pb2.ReloadConfigResponse:
        """Replaces the models that are served."""
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid_argument(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        self._core.reload(models_of(request.config))
        return model_management_pb2.ReloadConfigResponse(status=status_pb2.StatusProto())


def _require_spec(request: Message) -> None:
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
