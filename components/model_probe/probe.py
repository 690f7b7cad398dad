"""The probe: the requests to a model, in which order, and the checks that come of it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from components.data_gate.checks import FAILED, Check, at_most
from components.model_probe.agreement import TRANSFORM, agreement_checks
from components.model_probe.answers import (
    ANSWERS,
    FINITE,
    KNOWN,
    LISTS,
    SCALE,
    SHAPES,
    TITLES,
    SignatureTally,
)
from components.model_probe.bounds import BOUNDS, bounds_check
from components.model_probe.catalogue import CATALOGUE, catalogue_checks
from components.model_probe.contract import CONTRACT, ContractSignature, contract_checks
from components.model_probe.probe_data import ProbeData
from components.model_probe.probed_process import (
    MEMORY,
    PROCESS,
    TIMEOUT,
    Arrays,
    ProbedProcess,
    ProcessEndedError,
    RefusedRequestError,
    Signatures,
)
from components.model_probe.requests import Request, Requests, texts
from components.model_probe.settings import ModelProbeSettings
from contracts import signatures as signature_names

# Between Transform in training and in the model, for the same raw rows.
MAX_TRANSFORM_DIFFERENCE: Final = 1e-6
LATENCY: Final = "latency"
# Requests that latency is the median of, after all others have warmed the signature up.
_TIMED: Final = 15

# What explains a broken model best comes first in its record and in the message.
_ORDER: Final = (
    *(PROCESS, TIMEOUT, MEMORY, CONTRACT, ANSWERS, FINITE, CATALOGUE, TRANSFORM),
    *(SHAPES, SCALE, LISTS, TITLES, KNOWN, BOUNDS, LATENCY),
)


def probe(
    process: ProbedProcess,
    model: str,
    contract: Mapping[str, ContractSignature],
    data: ProbeData,
    settings: ModelProbeSettings,
    *,
    hides_rated: bool,
) -> list[Check]:
    """Sends all requests to a model and returns every check, what failed first.

    Args:
      process: a fresh one; it may be gone afterwards.
      model: folder of the SavedModel, on this machine.
      contract: the signatures that the model has to have.
      data: what requests are made of, and what its answers are held against.
      settings: the thresholds.
      hides_rated: the model keeps out of its lists whatever a user has rated.
    """
    checks: list[Check] = []
    try:
        for check in _all_checks(process, model, contract, data, settings, hides_rated):
            checks.append(check)
    except ProcessEndedError as error:
        # Whatever was not requested any more is not in the record, and the model is refused.
        checks.append(error.check)
    else:
        checks.append(process.memory)
    return sorted(checks, key=lambda check: (check.verdict != FAILED, _ORDER.index(check.name)))


def _all_checks(
    process: ProbedProcess,
    model: str,
    contract: Mapping[str, ContractSignature],
    data: ProbeData,
    settings: ModelProbeSettings,
    hides_rated: bool,
) -> Iterator[Check]:
    try:
        signatures = process.load(model)
    except RefusedRequestError as error:
        yield at_most(PROCESS, "loading", "errors", 1, 0, detail=str(error).split("\n")[0])
        return
    yield from contract_checks(signatures, contract)
    requests = Requests(data, hides_rated)
    for name in sorted(signatures):
        is_timed = name in contract and name != signature_names.TRANSFORM_FEATURES
        signature = _ProbedSignature(process, name, signatures, data)
        yield from signature.checks(requests, settings.max_latency_ms if is_timed else None)
        if name == signature_names.TRANSFORM_FEATURES:
            yield from signature.agreement(MAX_TRANSFORM_DIFFERENCE)


class _ProbedSignature:
    """One signature of the model in the process."""

    def __init__(self, process: ProbedProcess, name: str, signatures: Signatures, data: ProbeData) -> None:
        self._process, self._name, self._data = process, name, data
        self._inputs, self._outputs = signatures[name]

    def checks(self, requests: Requests, max_latency_ms: float | None) -> Iterator[Check]:
        """Sends the requests; then latency of the first one if there is a threshold."""
        sent = requests.of(list(self._inputs))
        if sent is None:
            problem = f"no request can be made for the inputs {', '.join(sorted(self._inputs))}"
            yield at_most(CONTRACT, self._name, "faults", 1, 0, detail=problem)
            return
        tally = SignatureTally(self._name, self._outputs, self._data)
        for request in sent:
            try:
                answer, _ = self._process.call(self._name, request.inputs)
            except RefusedRequestError as error:
                tally.refused(request, str(error))
            else:
                tally.add(request, answer)
        yield from tally.checks()
        try:
            yield bounds_check(self._name, sent[0].inputs, partial(self._process.call, self._name))
            yield from catalogue_checks(self._name, self._inputs, requests, self._data, self._send)
            if max_latency_ms is not None:
                yield self._latency(sent[0], max_latency_ms)
        except RefusedRequestError as error:
            yield at_most(ANSWERS, self._name, "requests without an answer", 1, 0, detail=str(error))

    def agreement(self, threshold: float) -> list[Check]:
        """Compares the features of all rows at once."""
        try:
            answer, _ = self._process.call(self._name, {signature_names.EXAMPLES: texts(self._data.rows)})
        except RefusedRequestError as error:
            return [at_most(TRANSFORM, self._name, "errors", 1, 0, detail=str(error).split("\n")[0])]
        return agreement_checks(self._name, answer, self._data, threshold)

    def _send(self, request: Request) -> Arrays:
        return self._process.call(self._name, request.inputs)[0]

    def _latency(self, request: Request, threshold: float) -> Check:
        _, seconds = self._process.call(self._name, request.inputs, _TIMED)
        median = statistics.median(seconds) * 1_000
        where = f"median of {_TIMED} warm requests, {request.label}"
        return at_most(LATENCY, self._name, "milliseconds", round(median, 3), threshold, where)
