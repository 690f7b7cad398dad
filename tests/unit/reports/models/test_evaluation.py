"""Metrics and slices as parts of the page: verdicts against the thresholds, and missing metrics."""

import math

import pytest

from reports.models.evaluation import evaluation_metrics, main_metric, metrics_part, reference_name
from reports.models.slices import slices_part
from reports.reading.evaluation_results import EvaluationSummary, Measure, SliceSummary, Thresholds
from reports.verdict import Verdict

THRESHOLDS = {
    "rmse": Thresholds(at_most=1.0, beats_reference=True, behind_served=0.02, behind_in_slices=0.05),
    "mae": Thresholds(at_most=0.9),
}


def found(
    name: str, rmse: float, reference: float = 1.0, users: int = 10, served: float | None = None
) -> SliceSummary:
    return SliceSummary(
        name=name,
        model={"rmse": Measure(rmse, rmse - 0.1, rmse + 0.1), "mae": Measure(0.7)},
        reference={"rmse": Measure(reference), "mae": Measure(0.8)},
        over_reference={"rmse": Measure(rmse - reference), "mae": Measure(-0.1)},
        served={} if served is None else {"rmse": Measure(served, served - 0.1, served + 0.1)},
        over_served={} if served is None else {"rmse": Measure(rmse - served)},
        user_count=users,
        example_count=7 * users,
    )


def summary(rmse: float, *slices: SliceSummary) -> EvaluationSummary:
    blessed = rmse < 1.0
    return EvaluationSummary(
        found("overall", rmse), slices, blessed, () if blessed else ("rmse is too high",)
    )


@pytest.mark.parametrize(
    ("rmse", "verdict"),
    [
        (0.9, Verdict.PASSED),
        (0.95, Verdict.PASSED),
        # Within the threshold and no better than its reference.
        (1.0, Verdict.FAILED),
        (1.2, Verdict.FAILED),
        (math.nan, Verdict.FAILED),
    ],
)
def test_each_metric_is_judged_by_its_threshold(rmse: float, verdict: Verdict) -> None:
    part = metrics_part("ranking", summary(rmse), THRESHOLDS, "")

    [table] = part.tables
    row = table.rows[0]
    assert row[:3] == (
        "rmse",
        verdict,
        "at most 1, better than damped biases, at most 0.02 behind what is served",
    )
    assert table.rows[1][:3] == ("mae", Verdict.PASSED, "at most 0.9")
    assert "70 ratings of 10 users of the eval split" in table.caption


def test_a_metric_without_a_threshold_is_not_judged() -> None:
    [table] = metrics_part("ranking", summary(0.9), {}, "").tables

    assert [row[1:3] for row in table.rows] == [(Verdict.NO_THRESHOLD, "none")] * 2


def test_a_model_that_was_not_blessed_has_the_reasons() -> None:
    part = metrics_part("ranking", summary(1.2), THRESHOLDS, "")

    assert part.verdict is Verdict.FAILED
    assert part.text == ("rmse is too high",)
    assert part.answer.startswith("The model was not blessed: rmse 1.2000, damped biases 1.0000")


@pytest.mark.parametrize(("served", "verdict"), [(0.89, Verdict.PASSED), (0.8, Verdict.FAILED)])
def test_the_model_that_is_served_stands_beside_it(served: float, verdict: Verdict) -> None:
    judged = EvaluationSummary(found("overall", 0.9, served=served), (), True, ())
    part = metrics_part("ranking", judged, THRESHOLDS, "version 7 was served")
    [table] = part.tables

    assert [column.title for column in table.columns[-4:-1:2]] == ["served", "change"]
    row = table.rows[0]
    assert row[-4:-2] == (served, f"{served - 0.1:.4f} to {served + 0.1:.4f}")
    assert row[-2] == pytest.approx(0.9 - served)
    assert row[1] is verdict
    # The served version does not have a metric for it.
    assert table.rows[1][-4:] == (None,) * 4
    assert f"the served version {served:.4f}" in part.answer
    assert part.text == ("What it was compared with: version 7 was served.",)


def test_a_version_that_was_passed_over_is_named() -> None:
    part = metrics_part("ranking", summary(0.9), THRESHOLDS, "", "version 7 is not compared with")

    assert [fact.value for fact in part.facts] == ["version 7 is not compared with"]


def test_slices_name_the_weakest_that_is_large_enough() -> None:
    part = slices_part(
        "ranking",
        summary(
            0.9,
            found("user_gender=Female", 0.8),
            found("user_gender=Male", 1.1),
            found("user_gender=<b>x</b>", 2.0, users=2),
        ),
        THRESHOLDS,
    )

    assert part is not None
    assert part.answer == "Weakest slice of at least 5 users by rmse: user_gender=Male (1.1000, 10 users)."
    [chart] = part.charts
    assert chart.answer == "The model is ahead of damped biases on 1 of 2 values of user_gender."
    assert "The threshold is drawn at 1." in chart.alt
    assert "<b>" not in chart.svg
    assert part.tables[0].rows[0][0] == "overall"
    assert len(part.tables[0].rows) == 4


def test_data_without_slices_has_no_part_for_them() -> None:
    assert slices_part("ranking", summary(0.9), THRESHOLDS) is None


def test_metrics_for_programs() -> None:
    metrics = evaluation_metrics(summary(0.9, found("user_gender=Male", 1.1)))

    assert metrics["metrics"]["rmse"] == {"value": 0.9, "lower": pytest.approx(0.8), "upper": 1.0}
    assert metrics["slices"] == {"user_gender=Male": {"users": 10, "rmse": 1.1, "mae": 0.7}}
    assert (main_metric(summary(0.9)), reference_name(summary(0.9))) == ("rmse", "damped biases")
