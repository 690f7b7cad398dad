"""Whether a signature refuses requests beyond the limits of the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from components.data_gate.checks import Check, at_most
from components.model_probe.probed_process import Arrays, RefusedRequestError
from contracts.signatures import MAX_ROWS, MAX_SLOTS, K

BOUNDS: Final = "bounds"
# How the process reports INVALID_ARGUMENT.
_INVALID: Final = "InvalidArgumentError"

Call = Callable[[Arrays], Any]


def bounds_check(signature: str, inputs: Arrays, call: Call) -> Check:
    """Sends what is beyond each limit; an answer is a fault, and so is a refusal without the input's name.

    Args:
      signature: its name.
      inputs: a real request of one row.
      call: sends inputs to the signature.
    """
    beyond = dict(_beyond(inputs))
    faults = []
    for label, (name, sent) in beyond.items():
        try:
            call(sent)
        except RefusedRequestError as error:
            if _INVALID not in str(error) or name not in str(error):
                faults.append(f"{label}: {str(error).splitlines()[0]}")
        else:
            faults.append(f"{label}: was answered")
    where = f"{len(beyond)} requests"
    return at_most(BOUNDS, signature, "requests not refused", len(faults), 0, where, "; ".join(faults))


def _beyond(inputs: Arrays) -> Iterator[tuple[str, tuple[str, Arrays]]]:
    """What is wrong with a request, the input that the refusal has to name, and the request."""
    rows = {name: value for name, value in inputs.items() if value.ndim}
    matrices = {name: value for name, value in rows.items() if value.ndim == 2}
    narrow = {name: value[:, :1] if value.ndim == 2 else value for name, value in rows.items()}
    for name, value in narrow.items():
        if len(narrow) > 1:
            yield f"another row of {name}", (name, {**inputs, **narrow, name: np.repeat(value, 2, axis=0)})
    many = {name: np.repeat(value, MAX_ROWS + 1, axis=0) for name, value in narrow.items()}
    yield f"{MAX_ROWS + 1:,} rows", (next(iter(rows)), {**inputs, **many})
    if matrices:
        wide = {name: np.repeat(value[:, :1], MAX_SLOTS + 1, axis=1) for name, value in matrices.items()}
        yield f"{MAX_SLOTS + 1:,} columns", (next(iter(matrices)), {**inputs, **wide})
    for name in matrices if len(matrices) > 1 else ():
        yield f"another column of {name}", (name, {**inputs, name: np.repeat(matrices[name], 2, axis=1)})
    for k in (-1, MAX_SLOTS + 1, 2**31 - 1) if K in inputs else ():
        yield f"{K} of {k:,}", (K, {**inputs, K: np.array(k, np.int32)})
