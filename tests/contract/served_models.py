"""Calls signatures of the models that `bare_process.py` serves."""

import pickle
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

# Of the inputs that are not texts.
INPUT_TYPES = {"k": "int32", "retrieval_score": "float32"}


@dataclass(frozen=True)
class ServedModels:
    """The two ends of the bare process."""

    requests: IO[bytes]
    answers: IO[bytes]

    def call(self, model: str, signature: str, **inputs: Any) -> dict[str, Any]:
        """Inputs as lists or arrays to outputs as NumPy arrays, texts decoded."""
        typed = {name: (INPUT_TYPES.get(name, "string"), value) for name, value in inputs.items()}
        found: dict[str, Any] = self._request(model, signature, typed)
        return {name: _decoded(value) for name, value in found.items()}

    def signatures(self, model: str) -> Any:
        """By name: inputs and outputs, each as {name: (type, shape)}."""
        return self._request(model, "", {})

    def _request(self, *request: Any) -> Any:
        pickle.dump(request, self.requests)
        self.requests.flush()
        answer = pickle.load(self.answers)
        if isinstance(answer, str):
            raise RuntimeError(answer)
        return answer


def _decoded(values: Any) -> Any:
    if values.dtype != object:
        return values
    texts = np.array([value.decode("utf-8") for value in values.ravel()], dtype=object)
    return texts.reshape(values.shape)
