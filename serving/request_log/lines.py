"""A line of the log: one Predict request and what answered it, as JSON."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts import request_log as names
from contracts.features import MOVIE_TITLE, USER_ID, USER_ZIP_CODE
from contracts.signatures import EXAMPLES
from serving.client import RequestRecord
from serving.client.messages import Example, PredictRequest
from serving.client.tensors import Array, decode

# A sixteenth of a sha256 in hexadecimal tells enough users apart.
_DIGEST_LENGTH: Final = 16


@dataclass(frozen=True)
class LineFormat:
    """How requests become lines.

    Attributes:
      key: hashes user ids (HMAC-SHA256) and leaves zip codes out; None writes both as they are.
    """

    key: bytes | None = None

    def line(self, record: RequestRecord, time: float) -> str:
        """The line of a Predict request, without titles, which the ids stand for."""
        request = PredictRequest.FromString(record.request)
        line: dict[str, Any] = {
            names.TIME: round(time, 3),
            names.LOGGED_MODEL: record.model,
            names.LOGGED_SIGNATURE: request.model_spec.signature_name,
            names.CODE: record.code.name,
            names.SECONDS: round(record.seconds, 6),
            names.INPUTS: self._values(request.inputs),
        }
        if record.response is not None:
            line[names.LOGGED_VERSION] = record.response.model_spec.version.value
            line[names.OUTPUTS] = self._values(record.response.outputs)
        return json.dumps(line, separators=(",", ":"))

    def _values(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(name, decode(tensors[name])) for name in tensors if name != MOVIE_TITLE}

    def _value(self, name: str, array: Array) -> Any:
        if name == EXAMPLES:
            return [self._example(serialized) for serialized in array.ravel().tolist()]
        return self._hashed(name, _texts(array.tolist()))

    def _example(self, serialized: bytes) -> dict[str, Any]:
        features = Example.FromString(serialized).features.feature
        return {
            name: self._hashed(name, _texts(list(getattr(features[name], kind).value)))
            for name in features
            if (kind := features[name].WhichOneof("kind")) and not (self.key and name == USER_ZIP_CODE)
        }

    def _hashed(self, name: str, values: Any) -> Any:
        if self.key is None or name != USER_ID:
            return values
        if isinstance(values, list):
            return [self._hashed(name, value) for value in values]
        digest = hmac.new(self.key, values.encode(), hashlib.sha256).hexdigest()
        return names.HASHED + digest[:_DIGEST_LENGTH]


def _texts(values: Any) -> Any:
    """Nested lists with str in place of bytes."""
    if isinstance(values, list):
        return [_texts(value) for value in values]
    return values.decode("utf-8", "replace") if isinstance(values, bytes) else values
