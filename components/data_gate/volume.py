"""How much data there is: against absolute minimums, and against the last accepted run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.data_gate.checks import VOLUME, VOLUME_CHANGE, Check, at_least, at_most
from components.data_gate.settings import DataGateSettings
from contracts.features import MOVIES, RATINGS

Volume = Mapping[str, int]
"""Counts by what is counted: `ratings`, `users`, `rated movies`, `movies`."""

USERS: Final = "users"
RATED_MOVIES: Final = "rated movies"


def count_volume(ratings_counts: Mapping[str, Any], movies_counts: Mapping[str, Any]) -> Volume:
    """The counts from the `counts.json` of both Examples artifacts."""
    return {
        RATINGS: sum(ratings_counts["examples"].values()),
        USERS: ratings_counts["users"],
        RATED_MOVIES: ratings_counts["movies"],
        MOVIES: movies_counts["movies"],
    }


def volume_checks(now: Volume, settings: DataGateSettings) -> list[Check]:
    """The counts against the absolute minimums."""
    keys = {RATINGS: "min_ratings", USERS: "min_users", RATED_MOVIES: "min_movies", MOVIES: "min_movies"}
    return [
        at_least(VOLUME, name, "count", now[name], getattr(settings, key), setting=f"data_gate.{key}")
        for name, key in keys.items()
    ]


def change_checks(now: Volume, accepted: Volume, settings: DataGateSettings) -> list[Check]:
    """The counts against those of the last accepted run."""
    checks = []
    for name, count in now.items():
        before = accepted.get(name, 0)
        if not before:
            continue
        detail = f"{before:,} in the last accepted run, {count:,} now"
        change = count / before - 1
        if change < 0:
            key, measure = "max_volume_drop", "share lost"
        else:
            key, measure = "max_volume_growth", "share gained"
        threshold, setting = getattr(settings, key), f"data_gate.{key}"
        checks.append(
            at_most(VOLUME_CHANGE, name, measure, abs(change), threshold, detail=detail, setting=setting)
        )
    return checks
