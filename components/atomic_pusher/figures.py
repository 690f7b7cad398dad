"""The figures of an Evaluator's results, for the manifest."""

from reports.evaluation_results import read_metrics
from trainer_module import features

CANDIDATE = "candidate"
SERVED = "served"


def overall_figures(evaluation_uri: str) -> dict[str, dict[str, float]]:
    """The metrics over all rows by whose they are (`candidate`, `reference`, `served`) and metric.

    Args:
        evaluation_uri: folder of an Evaluator's `evaluation` artifact.
    """
    overall = read_metrics(evaluation_uri).overall
    figures = {
        whose: {name: measures[name].value for name in sorted(measures)}
        for whose, measures in (
            (CANDIDATE, overall.model),
            (features.REFERENCE, overall.reference),
            (SERVED, overall.served),
        )
        if measures
    }
    counts = {
        features.USER_COUNT: float(overall.user_count),
        features.EXAMPLE_COUNT: float(overall.example_count),
    }
    figures.setdefault(CANDIDATE, {}).update(counts)
    return figures
