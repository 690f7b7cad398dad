"""How far the data of a run is from that of another, by the measure and the thresholds of the data gate."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from contracts.artifacts import DISTRIBUTIONS_FILE
from contracts.features import MOVIES, RATINGS, TRAIN_SPLIT
from distances.measure import Distributions, from_json, measured
from reports.data.distances import DistanceCheck
from reports.data.gate import CHANNEL, NODE
from reports.data.schema import read_schema
from reports.reading.run_data import Run
from reports.verdict import Verdict

# Of each table, the node of its schema, and which of the gate's distributions are compared. What is held out
# may change with a setting, so the eval split is not.
_COMPARED: Final = {RATINGS: ("RatingsSchema", TRAIN_SPLIT), MOVIES: ("MoviesSchema", MOVIES)}


def drift(run: Run, other: Run, against: str) -> list[DistanceCheck]:
    """The distance of each feature that has a threshold for drift.

    Args:
      run: has the schemas with the thresholds.
      other: the run that it is compared with.
      against: what the checks call the two.

    Returns:
      Nothing where the gate of either run has left no distributions; see `lacking`.
    """
    now, then = (read_distributions(each) for each in (run, other))
    checks = []
    for table, (node, split) in _COMPARED.items():
        artifact = run.artifact(node, "schema")
        if artifact is None or split not in now or split not in then:
            continue
        schema = read_schema(artifact.folder)
        for feature, threshold, found in measured(schema, now[split], then[split], "drift_comparator"):
            allowed = threshold + found.allowance
            checks.append(
                DistanceCheck(
                    f"{split}: {against}",
                    f"{table}.{feature}",
                    found.measure,
                    found.value,
                    allowed,
                    Verdict.PASSED if found.value <= allowed else Verdict.FAILED,
                )
            )
    return checks


def lacking(*runs: Run) -> list[str]:
    """The ids of the runs whose gate has left no distributions: it did not judge, or its folder is gone."""
    return [run.id for run in runs if not read_distributions(run)]


def read_distributions(run: Run) -> dict[str, Distributions]:
    """What the run's gate has counted, by `train`, `eval` and `movies`; empty where it left nothing."""
    artifact = run.artifact(NODE, CHANNEL)
    path = artifact.folder / DISTRIBUTIONS_FILE if artifact else Path()
    return from_json(path.read_text(encoding="utf-8")) if path.is_file() else {}
