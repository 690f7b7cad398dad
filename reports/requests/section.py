"""The section *Requests*: what was logged, how far it is from the training data, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from reports.charts import plots
from reports.data import distances
from reports.data.distances import DistanceCheck
from reports.data.schema import Anomaly, anomalies_part
from reports.requests.logged import RequestLogs
from reports.requests.skew import Compared
from reports.section import Chart, Column, Fact, Part, Section, Table
from reports.verdict import Verdict, worst

# Texts in a chart: those whose share differs most.
_MOST_LABELS: Final = 15
_SIDES: Final = ("training", "requests")


@dataclass(frozen=True)
class JudgedRequests:
    """What the page is about.

    Attributes:
      version: that answered the requests.
      run_id: of the run that trained it.
      logs: all that was read.
      compared: the features that both sides have.
      anomalies: what the schema does not allow.
    """

    version: int
    run_id: str
    logs: RequestLogs
    compared: Sequence[Compared]
    anomalies: Sequence[Anomaly]

    @property
    def checks(self) -> list[DistanceCheck]:
        """The distances with their verdicts."""
        return [each.check() for each in self.compared]

    @property
    def verdict(self) -> Verdict:
        """Failed where a distance is above its threshold or a value is not allowed."""
        failed = [Verdict.FAILED] if self.anomalies else []
        return worst([check.verdict for check in self.checks] + failed)


def requests_section(judged: JudgedRequests) -> Section:
    """The section."""
    checks = judged.checks
    parts = (
        _counts(judged),
        distances.checks_part(checks, [_measured(judged)]),
        anomalies_part(list(judged.anomalies), ["users and movies of requests"]),
        Part(
            "requests-features",
            "Features",
            "Shares of the values of each feature, of requests beside training.",
            charts=tuple(map(_chart, judged.compared)),
        ),
    )
    return Section(
        "requests",
        "Requests",
        " ".join(part.answer for part in parts[:3]),
        parts,
        judged.verdict,
        {
            "version": judged.version,
            "requests": judged.logs.versions[judged.version].answered,
            "checks": distances.values(checks),
            "anomalies": [found._asdict() for found in judged.anomalies],
        },
    )


def _counts(judged: JudgedRequests) -> Part:
    logs, requests = judged.logs, judged.logs.versions[judged.version]
    others = sum(found.answered for version, found in logs.versions.items() if version != judged.version)
    failed = ", ".join(f"{count:,} {code}" for code, count in logs.failed.most_common())
    return Part(
        "requests-counts",
        "What was logged",
        f"{requests.answered:,} logged requests of version {judged.version}.",
        facts=(
            Fact("version", str(judged.version)),
            Fact("trained by run", judged.run_id),
            Fact("requests", f"{requests.answered:,}"),
            Fact("users in them", f"{len(requests.users):,}"),
            Fact("movies that they name", f"{len(requests.movies):,}"),
            Fact("histories in them", f"{len(requests.histories):,}"),
            Fact("answered by other versions", f"{others:,}"),
            Fact("failed, whatever the version", failed or "0"),
            Fact("lines that cannot be read", f"{logs.unreadable:,}"),
        ),
    )


def _measured(judged: JudgedRequests) -> str:
    return (
        f"The train split of run {judged.run_id} counts ratings, and the log counts requests. To each "
        "threshold comes what chance does to samples of so many users and movies."
    )


def _chart(each: Compared) -> Chart:
    chart_id = f"requests-{each.feature.replace('_', '-')}"
    shares = {
        name: _shares(values.counts)
        for name, values in zip(_SIDES, (each.training, each.requests), strict=True)
    }
    labels, furthest = _labels(each, shares)
    series = {name: [side.get(label, 0.0) for label in labels] for name, side in shares.items()}
    of_furthest = [side.get(furthest, 0) for side in shares.values()]
    answer = "Training and requests have the same shares"
    if of_furthest[0] != of_furthest[1]:
        answer = f"{furthest} differs most: " + ", ".join(
            f"{share:.1%} of {name}" for name, share in zip(shares, of_furthest, strict=True)
        )
    return Chart(
        chart_id,
        each.feature,
        f"{answer}.",
        _drawing(chart_id, each, labels, series),
        f"{'Lines' if each.numeric else 'Dots'} of shares by value, training beside requests. {answer}.",
        data=Table(
            f"{chart_id}-data",
            f"Shares of the values of {each.feature}.",
            (Column("value"), *(Column(name, ".2%") for name in _SIDES)),
            tuple(zip(labels, *series.values(), strict=True)),
        ),
    )


def _labels(each: Compared, shares: Mapping[str, Mapping[str, float]]) -> tuple[list[str], str]:
    """The values to draw, and the one whose share differs most."""
    training, requests = shares.values()
    differs = {name: abs(requests.get(name, 0) - training.get(name, 0)) for name in {**training, **requests}}
    ranked = sorted(differs, key=lambda name: (-differs[name], name))
    if each.numeric:
        return sorted(ranked, key=float), ranked[0]
    return sorted(ranked[:_MOST_LABELS], key=lambda name: -training.get(name, 0)), ranked[0]


def _drawing(
    chart_id: str, each: Compared, labels: Sequence[str], series: Mapping[str, Sequence[float]]
) -> Markup:
    if not each.numeric:
        return plots.dots(chart_id, labels, series, unit="share")
    numbers = [float(label) for label in labels]
    lines = {name: (numbers, values) for name, values in series.items()}
    return plots.lines(chart_id, lines, unit="share", axis=each.feature)


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values()) or 1
    return {name: count / total for name, count in counts.items()}
