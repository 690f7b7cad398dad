"""All checks of one run's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from components.data_gate.accepted import Entry
from components.data_gate.anomalies import anomaly_checks
from components.data_gate.catalogue import CatalogueFacts, catalogue_checks
from components.data_gate.checks import (
    DRIFT,
    TIME_SHIFT,
    VOLUME_CHANGE,
    Check,
    allowed,
    not_compared,
)
from components.data_gate.distance_checks import drift_checks, skew_checks
from components.data_gate.feature_checks import missing_checks, spread_checks, time_checks
from components.data_gate.gated_data import GatedData
from components.data_gate.settings import DataGateSettings
from components.data_gate.split_rules import expected_skew
from components.data_gate.volume import change_checks, volume_checks
from contracts.features import EVAL_SPLIT, MOVIES, MOVIES_SPLIT, RATINGS, TRAIN_SPLIT

# The splits whose drift counts. What is held out for evaluation depends on the split rule as much as on the
# data, and is held against the train split instead.
_DRIFT_SPLITS: Final = {RATINGS: TRAIN_SPLIT, MOVIES: MOVIES_SPLIT}


# What the facts call these splits.
_DISTRIBUTIONS: Final = {RATINGS: TRAIN_SPLIT, MOVIES: MOVIES}


@dataclass(frozen=True)
class Baseline:
    """What today's data is compared with.

    Attributes:
      entry: the last accepted run on other data, None if there is none.
      review: lets this data pass whatever the entry was like, None if nobody accepted it.
      note: one sentence about both, for people.
    """

    entry: Entry | None
    review: Entry | None
    note: str


def judge(
    data: GatedData, facts: CatalogueFacts, baseline: Baseline, settings: DataGateSettings, split_rule: str
) -> list[Check]:
    """Measures everything; no check keeps another one from being made.

    Args:
      data: statistics, anomalies, counts and schemas.
      facts: what was counted in the Examples.
      baseline: what to compare with.
      settings: the thresholds.
      split_rule: of the ExampleGen settings, from which the expected skew follows.
    """
    checks: list[Check] = []
    for name, table in data.tables.items():
        checks += anomaly_checks(name, table.anomalies, settings)
    accepted = _accepted_statistics(baseline.entry)
    for name, table in data.tables.items():
        checks += missing_checks(name, table.schema, table.statistics, accepted[name], settings)
    ratings = data.tables[RATINGS]
    checks += spread_checks(ratings.statistics)
    checks += volume_checks(data.volume, settings)
    checks += catalogue_checks(facts, settings)
    train, evaluation = (facts.distributions.get(split, {}) for split in (TRAIN_SPLIT, EVAL_SPLIT))
    checks += skew_checks(RATINGS, ratings.schema, train, evaluation, expected_skew(split_rule))
    checks += _comparisons(data, facts, baseline, accepted, settings)
    if baseline.review is not None:
        reason = f"reviewed {baseline.review.about['at']}: {baseline.review.about['reason']}"
        checks = [allowed(check, reason) if check.can_be_accepted else check for check in checks]
    return checks


_Accepted = Mapping[str, Mapping[str, object]]


def _accepted_statistics(entry: Entry | None) -> _Accepted:
    found = {
        table: entry.statistics(table, split) if entry else None for table, split in _DRIFT_SPLITS.items()
    }
    return {
        table: {} if statistics is None else {_DRIFT_SPLITS[table]: statistics}
        for table, statistics in found.items()
    }


def _comparisons(
    data: GatedData,
    facts: CatalogueFacts,
    baseline: Baseline,
    accepted: _Accepted,
    settings: DataGateSettings,
) -> list[Check]:
    if baseline.entry is None:
        return [
            not_compared(DRIFT, RATINGS, "distances", baseline.note),
            not_compared(DRIFT, MOVIES, "distances", baseline.note),
            not_compared(TIME_SHIFT, RATINGS, "days", baseline.note),
            not_compared(VOLUME_CHANGE, RATINGS, "counts", baseline.note),
        ]
    checks: list[Check] = []
    before = baseline.entry.distributions()
    for name, table in data.tables.items():
        split, kept = _DRIFT_SPLITS[name], _DISTRIBUTIONS[name]
        if before is None:
            why = "an earlier version accepted that run and kept no distributions"
            checks.append(not_compared(DRIFT, name, "distances", why))
        else:
            now = facts.distributions.get(kept, {})
            checks += drift_checks(name, table.schema, now, before.get(kept, {}), f"{split} split")
    checks += time_checks(data.tables[RATINGS].statistics, accepted[RATINGS], settings)
    return checks + change_checks(data.volume, baseline.entry.about["volume"], settings)
