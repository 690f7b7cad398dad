"""How far requests are from the training data, feature by feature.

The measures are those of the data gate (`distances`), the thresholds the skew comparators of the run's
schema. Requests of one user resemble each other, and so do ratings, so the allowance for chance counts users
and movies rather than rows: n rows whose owners have n_i rows each count as n^2 / sum of n_i^2 (Kish's
effective size of a sample). Of ids themselves rows count, so that one user of many requests stands out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tensorflow_metadata.proto.v0 import schema_pb2

from contracts import features
from contracts.request_log import HASHED
from distances.measure import Distributions, Values, distance
from reports.data.distances import DistanceCheck
from reports.data.schema import threshold_of
from reports.requests.logged import LoggedRequests, Row
from reports.verdict import Verdict

COMPARED: Final = "requests and training"
# Threshold for ids, for which the schema does not have a comparator: how much larger the share of one id may
# be among requests than in training.
ID_THRESHOLD: Final = 0.05
# The largest share of the users, or of the movies, of requests that the model may not know.
UNKNOWN_THRESHOLD: Final = 0.1

_KNOWN: Final = {True: "known", False: "unknown"}


@dataclass(frozen=True)
class Compared:
    """A feature of requests beside the same of the training data.

    Attributes:
      feature: its name.
      numeric: whether its values are numbers.
      requests: how often requests have each value.
      training: how often training Examples have it.
      threshold: what the distance may be beside what chance does.
    """

    feature: str
    numeric: bool
    requests: Values
    training: Values
    threshold: float

    def check(self) -> DistanceCheck:
        """The distance with its verdict."""
        found = distance(self.requests, self.training, numeric=self.numeric)
        allowed = min(1.0, self.threshold + found.allowance)
        verdict = Verdict.PASSED if found.value <= allowed else Verdict.FAILED
        return DistanceCheck(COMPARED, self.feature, found.measure, found.value, allowed, verdict)


def compared(
    requests: LoggedRequests, statistics: Any, schema: Any, counted: Distributions
) -> Iterator[Compared]:
    """The features that requests and training data both have.

    Args:
      requests: what is judged.
      statistics: TFDV's of the train split, a DatasetFeatureStatistics.
      schema: has the thresholds.
      counted: the gate's counts of the train split: the statistics have numbers in bins of their own.
    """
    rows_of = int(statistics.num_examples)
    owners = {
        kind: effective_size(_texts(statistics).get(kind, {}), statistics.num_examples)
        for kind in (features.USER_ID, features.MOVIE_ID)
    }
    training = {name: dict(values) for name, values in _texts(statistics).items()}
    training |= {name: dict(values.counts) for name, values in counted.items() if name not in training}
    rules = {feature.name: feature for feature in schema.feature}
    for kind, rows in ((features.USER_ID, requests.users), (features.MOVIE_ID, requests.movies)):
        for name, (counts, size) in _counted(rows, kind).items():
            if name in training and name in rules and (threshold := _threshold(rules[name])) is not None:
                sizes = (counts.total(), rows_of) if name == kind else (size, owners[kind])
                values = Values(sizes[0], counts), Values(sizes[1], training[name])
                yield Compared(name, rules[name].type != schema_pb2.BYTES, *values, threshold)
    yield from _histories(requests.histories, training, owners[features.USER_ID])
    yield from _known(requests, rows_of)


def effective_size(counts: Mapping[Any, float], total: float) -> int:
    """How many independent rows are worth as much as rows that share owners.

    Args:
      counts: rows by owner; the rows beyond them are of owners with as many rows as the last one has.
      total: all rows.
    """
    if not counts:
        return int(total)
    rest = max(0.0, total - sum(counts.values()))
    squares = sum(count**2 for count in counts.values()) + rest * min(counts.values())
    return max(1, round(total**2 / squares))


def _counted(rows: Iterable[Row], owner: str) -> dict[str, tuple[Counter[str], int]]:
    """Of each feature, occurrences by value, and the effective number of rows that have it."""
    counts: dict[str, Counter[str]] = {}
    owners: dict[str, Counter[object]] = {}
    for number, row in enumerate(rows):
        for name, values in row.items():
            if name == owner and str(values[0]).startswith(HASHED):
                continue
            counts.setdefault(name, Counter()).update(map(_text, values))
            owners.setdefault(name, Counter())[row[owner][0] if owner in row else number] += 1
    return {name: (counts[name], effective_size(owners[name], owners[name].total())) for name in counts}


def _histories(
    histories: list[list[str]], training: Mapping[str, Mapping[str, float]], users: int
) -> Iterator[Compared]:
    name = features.HISTORY_MOVIE_IDS
    counts = Counter(movie for history in histories for movie in history)
    if counts and training.get(name):
        size = len({tuple(history) for history in histories})
        yield Compared(name, False, Values(size, counts), Values(users, _whole(training[name])), ID_THRESHOLD)


def _known(requests: LoggedRequests, training: int) -> Iterator[Compared]:
    for name, found in requests.known.items():
        if found:
            now = Values(found.total(), {_KNOWN[key]: count for key, count in found.items()})
            # The model has every user and movie of its training data.
            yield Compared(name, False, now, Values(training, {_KNOWN[True]: training}), UNKNOWN_THRESHOLD)


def _threshold(rule: Any) -> float | None:
    if rule.name in (features.USER_ID, features.MOVIE_ID):
        return ID_THRESHOLD
    return threshold_of(rule.skew_comparator)


def _texts(statistics: Any) -> dict[str, dict[str, int]]:
    """Of each feature of texts, how often TFDV has counted its most frequent values, at most a thousand."""
    return {
        feature.path.step[0]: _whole(
            {bucket.label: bucket.sample_count for bucket in feature.string_stats.rank_histogram.buckets}
        )
        for feature in statistics.features
        if feature.WhichOneof("stats") == "string_stats" and feature.string_stats.rank_histogram.buckets
    }


def _whole(counts: Mapping[str, float]) -> dict[str, int]:
    return {name: round(count) for name, count in counts.items()}


def _text(value: Any) -> str:
    """As the data gate writes values."""
    return value if isinstance(value, str) else format(value, ".6g")
