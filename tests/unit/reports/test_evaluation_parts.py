"""Metrics and slices as parts of the page: verdicts against the bars, and figures that are not there."""

import math

import pytest

from reports.evaluation_parts import baseline_name, main_metric, metric_figures, metrics_part
from reports.evaluation_results import Bar, EvaluationSummary, Measure, SliceSummary
from reports.slice_parts import slices_part
from reports.verdict import Verdict

BARS = {
    "rmse": Bar(at_least=None, at_most=1.0, beats_baseline=True),
    "mae": Bar(None, 0.9, beats_baseline=False),
}


def found(name: str, rmse: float, baseline: float = 1.0, users: int = 10) -> SliceSummary:
    return SliceSummary(
        name=name,
        model={"rmse": Measure(rmse, rmse - 0.1, rmse + 0.1), "mae": Measure(0.7)},
        baseline={"rmse": Measure(baseline), "mae": Measure(0.8)},
        difference={"rmse": Measure(rmse - baseline), "mae": Measure(-0.1)},
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
        # Within the bar and no better than its baseline.
        (1.0, Verdict.FAILED),
        (1.2, Verdict.FAILED),
        (math.nan, Verdict.FAILED),
    ],
)
def test_each_metric_is_judged_by_its_bar(rmse: float, verdict: Verdict) -> None:
    part = metrics_part("ranking", summary(rmse), BARS, None)

    [table] = part.tables
    row = table.rows[0]
    assert row[:3] == ("rmse", verdict, "at most 1, better than the baseline")
    assert table.rows[1][:3] == ("mae", Verdict.PASSED, "at most 0.9")
    assert "70 ratings of 10 users of the eval split" in table.caption


def test_a_metric_without_a_bar_is_not_judged() -> None:
    [table] = metrics_part("ranking", summary(0.9), {}, None).tables

    assert [row[1:3] for row in table.rows] == [(Verdict.NO_BAR, "none")] * 2


def test_a_model_that_was_not_blessed_says_why() -> None:
    part = metrics_part("ranking", summary(1.2), BARS, None)

    assert part.verdict is Verdict.FAILED
    assert part.text == ("rmse is too high",)
    assert part.answer.startswith("The model was not blessed: rmse 1.2000, damped biases 1.0000")


def test_the_model_that_was_served_stands_beside_it() -> None:
    [table] = metrics_part("ranking", summary(0.9), BARS, summary(0.8)).tables

    assert table.columns[-2].title == "served before"
    assert table.rows[0][-2:] == (0.8, "0.7000 to 0.9000")


def test_slices_name_the_weakest_that_is_large_enough() -> None:
    part = slices_part(
        "ranking",
        summary(
            0.9,
            found("user_gender=Female", 0.8),
            found("user_gender=Male", 1.1),
            found("user_gender=<b>x</b>", 2.0, users=2),
        ),
        BARS,
    )

    assert part is not None
    assert part.answer == "Weakest slice of at least 5 users by rmse: user_gender=Male (1.1000, 10 users)."
    [chart] = part.charts
    assert chart.answer == "The model is ahead of damped biases on 1 of 2 values of user_gender."
    assert "The bar is drawn at 1." in chart.alt
    assert "<b>" not in chart.svg
    assert part.tables[0].rows[0][0] == "overall"
    assert len(part.tables[0].rows) == 4


def test_data_without_slices_has_no_part_for_them() -> None:
    assert slices_part("ranking", summary(0.9), BARS) is None


def test_figures_for_programs() -> None:
    figures = metric_figures(summary(0.9, found("user_gender=Male", 1.1)))

    assert figures["metrics"]["rmse"] == {"value": 0.9, "lower": pytest.approx(0.8), "upper": 1.0}
    assert figures["slices"] == {"user_gender=Male": {"users": 10, "rmse": 1.1, "mae": 0.7}}
    assert (main_metric(summary(0.9)), baseline_name(summary(0.9))) == ("rmse", "damped biases")
