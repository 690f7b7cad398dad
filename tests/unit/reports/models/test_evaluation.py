"""Metrics and slices as parts of the page: verdicts against the thresholds, and missing metrics."""

import dataclasses

import pytest

from reports.models.evaluation import evaluation_metrics, main_metric, metrics_part, reference_name
from reports.models.slices import slices_part
from reports.reading.evaluation_results import EvaluationSummary, Measure, SliceSummary
from reports.reading.thresholds import Thresholds
from reports.section import Estimate
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


def test_each_metric_has_the_verdict_of_the_evaluator() -> None:
    """The page does not judge again: rmse is within its threshold here, and the Evaluator has refused it."""
    judged = dataclasses.replace(summary(0.9), blessed=False, failed={"overall": frozenset({"rmse"})})

    [table] = metrics_part("ranking", judged, THRESHOLDS, "").tables

    assert table.rows[0][:3] == (
        "rmse",
        Verdict.FAILED,
        "at most 1, better than damped biases, at most 0.02 behind what is served",
    )
    assert table.rows[1][:3] == ("mae", Verdict.PASSED, "at most 0.9")
    assert table.rows[0][3] == Estimate(0.9, pytest.approx(0.8), pytest.approx(1.0))
    assert "70 ratings of 10 users of the eval split" in table.caption


def test_a_metric_without_a_threshold_is_not_judged() -> None:
    [table] = metrics_part("ranking", summary(0.9), {}, "").tables

    assert [row[1:3] for row in table.rows] == [(Verdict.NO_THRESHOLD, "none")] * 2


def test_a_model_that_was_not_blessed_has_the_reasons() -> None:
    part = metrics_part("ranking", summary(1.2), THRESHOLDS, "")

    assert part.verdict is Verdict.FAILED
    assert part.text == ("rmse is too high",)
    assert part.answer.startswith("The model was not blessed: rmse 1.2000, damped biases 1.0000")


def test_the_model_that_is_served_stands_beside_it() -> None:
    judged = EvaluationSummary(found("overall", 0.9, served=0.8), (), True, ())
    part = metrics_part("ranking", judged, THRESHOLDS, "version 7 was served")
    [table] = part.tables

    assert [column.title for column in table.columns[-2:]] == ["served", "change"]
    served, change = table.rows[0][-2:]
    assert served == Estimate(0.8, pytest.approx(0.7), pytest.approx(0.9))
    assert isinstance(change, Estimate)
    assert change.value == pytest.approx(0.1)
    # The served version does not have a metric for it.
    assert table.rows[1][-2:] == (None, None)
    assert "the served version 0.8000" in part.answer
    assert part.text == ("What it was compared with: version 7 was served.",)


def test_a_version_that_was_passed_over_is_named() -> None:
    part = metrics_part("ranking", summary(0.9), THRESHOLDS, "", "version 7 is not compared with")

    assert [fact.value for fact in part.facts] == ["version 7 is not compared with"]


def test_slices_name_the_weakest_that_is_large_enough() -> None:
    """One rule for headline, drawing and verdict: a slice counts from as many users as the gate needs."""
    judged = summary(
        0.9,
        found("bucketized_user_age=18.0", 0.8, users=60),
        found("bucketized_user_age=1.0", 1.1, users=50),
        found("bucketized_user_age=56.0", 2.0, users=49),
        found("user_gender=<b>x</b>", 2.0, users=2),
    )
    part = slices_part("ranking", judged, THRESHOLDS, least_users=50)

    assert part is not None
    assert part.answer == (
        "Weakest slice of at least 50 users by rmse: bucketized user age: under 18 (1.1000, 50 users)."
    )
    [chart] = part.charts
    assert chart.answer == "The model is ahead of damped biases on 1 of 2 values of bucketized user age."
    assert "under 18 (50)" in chart.svg
    assert "threshold" not in chart.svg
    verdicts = {row[0]: row[1] for row in part.tables[0].rows}
    assert verdicts["bucketized user age: under 18"] is Verdict.PASSED
    assert verdicts["bucketized user age: 56 or older"] is Verdict.NO_THRESHOLD
    assert len(verdicts) == 5


def test_a_slice_that_blocked_the_push_is_failed() -> None:
    name = "user_gender=Male"
    judged = dataclasses.replace(
        summary(0.9, found(name, 1.1, users=70)), blessed=False, failed={name: frozenset({"rmse"})}
    )
    part = slices_part("ranking", judged, THRESHOLDS, least_users=50)

    assert part is not None
    assert part.verdict is Verdict.FAILED
    assert part.tables[0].rows[1][:2] == ("user gender: Male", Verdict.FAILED)


def test_where_no_slice_is_large_enough_there_is_none_to_name() -> None:
    part = slices_part("ranking", summary(0.9, found("user_gender=Male", 1.1)), THRESHOLDS, least_users=50)

    assert part is not None
    assert part.answer == "No slice has 50 users, which a slice needs to be judged."
    assert part.charts == ()


def test_data_without_slices_has_no_part_for_them() -> None:
    assert slices_part("ranking", summary(0.9), THRESHOLDS, 50) is None


def test_metrics_for_programs() -> None:
    metrics = evaluation_metrics(summary(0.9, found("user_gender=Male", 1.1)), THRESHOLDS)

    assert metrics["thresholds"]["mae"] == "at most 0.9"
    assert metrics["limits"] == {"rmse": 1.0, "mae": 0.9}

    assert metrics["metrics"]["rmse"] == {"value": 0.9, "lower": pytest.approx(0.8), "upper": 1.0}
    assert metrics["slices"] == {"user_gender=Male": {"users": 10, "rmse": 1.1, "mae": 0.7}}
    assert (main_metric(summary(0.9)), reference_name(summary(0.9))) == ("rmse", "damped biases")
