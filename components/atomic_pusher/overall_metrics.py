"""The metrics of an Evaluator's results, for the manifest."""

from contracts import metrics, signatures
from reports.reading.evaluation_results import read_metrics

CANDIDATE = "candidate"
SERVED = "served"


def overall_metrics(evaluation_uri: str) -> dict[str, dict[str, float]]:
    """The metrics over all rows by whose they are (`candidate`, `reference`, `served`) and metric.

    Args:
      evaluation_uri: folder of an Evaluator's `evaluation` artifact.
    """
    overall = read_metrics(evaluation_uri).overall
    by_model = {
        whose: {name: measures[name].value for name in sorted(measures)}
        for whose, measures in (
            (CANDIDATE, overall.model),
            (signatures.REFERENCE, overall.reference),
            (SERVED, overall.served),
        )
        if measures
    }
    counts = {
        metrics.USER_COUNT: float(overall.user_count),
        metrics.EXAMPLE_COUNT: float(overall.example_count),
    }
    by_model.setdefault(CANDIDATE, {}).update(counts)
    return by_model
