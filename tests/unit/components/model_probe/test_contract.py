"""What a servable has to have, and what of it is missing."""

from __future__ import annotations

from components.model_probe.contract import RANKING, contract_checks, contract_of
from components.model_probe.probed_process import Signatures

GOOD: Signatures = {
    "serving_default": ({"examples": ("string", [None])}, {"user_rating": ("float32", [None])}),
    "rank": (
        {"user_id": ("string", [None]), "movie_id": ("string", [None, None])},
        {"user_rating": ("float32", [None, None])},
    ),
    "transform_features": ({"examples": ("string", [None])}, {"user_index": ("int64", [None])}),
    "one_more": ({"examples": ("string", [None])}, {}),
}


def faults(found: Signatures) -> dict[str, str]:
    checks = contract_checks(found, RANKING)
    assert {check.feature for check in checks} == set(RANKING)
    return {check.feature: check.detail for check in checks if check.verdict == "failed"}


def test_a_model_may_have_more_than_was_agreed_on() -> None:
    assert faults(GOOD) == {}


def test_what_differs_is_named() -> None:
    wrong: Signatures = {
        **GOOD,
        "serving_default": (
            {"example": ("string", [None])},
            {"user_rating": ("float64", [None, 1])},
        ),
        "rank": (GOOD["rank"][0], {"rating": ("float32", None)}),
    }
    del wrong["transform_features"]
    assert faults(wrong) == {
        "serving_default": "input examples is missing; input example is not agreed on; "
        "output user_rating is float64 of rank 2 instead of float32 of rank 1",
        "rank": "output user_rating is missing",
        "transform_features": "the model does not have this signature",
    }


def test_a_joint_model_has_both_and_the_default_of_the_first() -> None:
    joint = contract_of(["retrieval", "ranking"])
    assert set(joint) == {*contract_of(["retrieval"]), *contract_of(["ranking"])}
    assert set(joint["serving_default"].inputs) == {"user_id"}
    assert set(contract_of(["ranking", "retrieval"])["serving_default"].inputs) == {"examples"}
