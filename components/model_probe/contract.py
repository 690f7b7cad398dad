"""The serving contract: which signatures a model has to have, with which inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from components.data_gate.checks import Check, at_most
from components.model_probe.probed_process import Signatures, Specs
from contracts import features, signatures

CONTRACT: Final = "contract"

# By name: type and rank.
Kinds = Mapping[str, tuple[str, int]]

_ID: Final = ("string", 1)
_IDS: Final = ("string", 2)
_K: Final = ("int32", 0)
_LIST: Final[Kinds] = {
    features.MOVIE_ID: _IDS,
    features.MOVIE_TITLE: _IDS,
    signatures.SCORE: ("float32", 2),
}


@dataclass(frozen=True)
class ContractSignature:
    """What a signature takes, no more and no less, and what it gives at least."""

    inputs: Kinds
    outputs: Kinds


RETRIEVAL: Final[Mapping[str, ContractSignature]] = {
    signatures.SERVING_DEFAULT: ContractSignature(
        {features.USER_ID: _ID}, {**_LIST, signatures.KNOWN_USER: ("bool", 1)}
    ),
    signatures.RECOMMEND: ContractSignature(
        {features.USER_ID: _ID, signatures.EXCLUDE_MOVIE_IDS: _IDS, signatures.K: _K},
        {**_LIST, signatures.KNOWN_USER: ("bool", 1)},
    ),
    signatures.RECOMMEND_FROM_HISTORY: ContractSignature({features.HISTORY_MOVIE_IDS: _IDS}, _LIST),
    signatures.SIMILAR_MOVIES: ContractSignature(
        {features.MOVIE_ID: _ID, signatures.K: _K}, {**_LIST, signatures.KNOWN_MOVIE: ("bool", 1)}
    ),
}
RANKING: Final[Mapping[str, ContractSignature]] = {
    signatures.SERVING_DEFAULT: ContractSignature(
        {signatures.EXAMPLES: _ID}, {features.USER_RATING: ("float32", 1)}
    ),
    signatures.RANK: ContractSignature(
        {features.USER_ID: _ID, features.MOVIE_ID: _IDS}, {features.USER_RATING: ("float32", 2)}
    ),
    signatures.TRANSFORM_FEATURES: ContractSignature({signatures.EXAMPLES: _ID}, {}),
}
_FINAL: Final[Kinds] = {**_LIST, features.USER_RATING: ("float32", 2)}
RECOMMENDER: Final[Mapping[str, ContractSignature]] = {
    **RETRIEVAL,
    signatures.SERVING_DEFAULT: ContractSignature(
        {features.USER_ID: _ID}, {**_FINAL, signatures.KNOWN_USER: ("bool", 1)}
    ),
    signatures.RECOMMEND: ContractSignature(
        {features.USER_ID: _ID, signatures.EXCLUDE_MOVIE_IDS: _IDS, signatures.K: _K},
        {**_FINAL, signatures.KNOWN_USER: ("bool", 1)},
    ),
    signatures.RECOMMEND_FROM_HISTORY: ContractSignature({features.HISTORY_MOVIE_IDS: _IDS}, _FINAL),
    signatures.RANK: RANKING[signatures.RANK],
}
RERANKING: Final[Mapping[str, ContractSignature]] = {
    **RANKING,
    signatures.RERANK: ContractSignature(
        {features.USER_ID: _ID, features.MOVIE_ID: _IDS, signatures.RETRIEVAL_SCORE: ("float32", 2)},
        {signatures.SCORE: ("float32", 2), features.USER_RATING: ("float32", 2)},
    ),
}
CONTRACTS: Final = {
    "retrieval": RETRIEVAL,
    "ranking": RANKING,
    "reranking": RERANKING,
    "recommender": RECOMMENDER,
}


def contract_of(names: Sequence[str]) -> dict[str, ContractSignature]:
    """The signatures of a servable that answers as those of `names` do; of two defaults the first holds."""
    merged: dict[str, ContractSignature] = {}
    for name in reversed(names):
        merged |= CONTRACTS[name]
    return merged


def contract_checks(found: Signatures, contract: Mapping[str, ContractSignature]) -> list[Check]:
    """One check a signature of the contract: how many of its inputs and outputs are not as agreed."""
    checks = []
    for name, agreed in contract.items():
        faults = ["the model does not have this signature"]
        if name in found:
            inputs, outputs = map(_kinds, found[name])
            faults = _differences("input", agreed.inputs, inputs)
            faults += _differences(
                "output",
                agreed.outputs,
                {key: kind for key, kind in outputs.items() if key in agreed.outputs},
            )
        checks.append(at_most(CONTRACT, name, "faults", len(faults), 0, detail="; ".join(faults)))
    return checks


def _kinds(specs: Specs) -> dict[str, tuple[str, int | None]]:
    return {name: (kind, None if shape is None else len(shape)) for name, (kind, shape) in specs.items()}


def _differences(what: str, agreed: Kinds, found: Mapping[str, tuple[str, int | None]]) -> list[str]:
    faults = [f"{what} {name} is missing" for name in agreed if name not in found]
    faults += [f"{what} {name} is not agreed on" for name in found if name not in agreed]
    faults += [
        f"{what} {name} is {kind} of rank {rank} instead of {agreed[name][0]} of rank {agreed[name][1]}"
        for name, (kind, rank) in found.items()
        if name in agreed and (kind, rank) != agreed[name]
    ]
    return faults
