"""What the Evaluator decides beside the served version, overall and in slices."""

import re
from math import log, sqrt
from pathlib import Path

import pytest

from pipeline.evaluation.eval_config import ranking_eval_config, retrieval_eval_config, summarize
from reports.reading.evaluation_results import (
    read_metrics,
)
from tests.unit.pipeline.evaluation.evaluated_worlds import (
    IN_SLICES,
    LOW_THRESHOLDS,
    NOTHING,
    OFF,
    OWN,
    PEOPLE,
    PEOPLE_ROWS,
    RATING_ROWS,
    compared,
    missing,
    predicted,
)
from tests.unit.pipeline.tiny_evaluator import ByUser, lists, run

pytestmark = pytest.mark.slow


def test_the_served_version_is_measured_on_the_same_rows(tmp_path: Path) -> None:
    evaluated = compared(tmp_path, OWN, missing(OWN, PEOPLE[:4]))
    overall = read_metrics(evaluated.uri).overall
    assert evaluated.blessed
    assert overall.model["recall@10"].value == 1
    assert overall.served["recall@10"].value == pytest.approx(0.9)
    assert overall.over_served["recall@10"].value == pytest.approx(0.1)
    assert overall.reference["recall@10"].value == 0
    assert "recall@10 1.000 (popularity .000, served .900)" in summarize(read_metrics(evaluated.uri))


def test_a_model_may_be_no_further_behind_the_served_version_than_the_tolerance(tmp_path: Path) -> None:
    # Two of forty users, one of each gender, lose their movie.
    worse = missing(OWN, PEOPLE[:2])
    refused = compared(tmp_path / "2", worse, OWN)
    assert not refused.blessed
    assert read_metrics(refused.uri).reasons == (
        "recall@10 is 0.0500 behind the served version, more than the 0.02 allowed",
    )
    assert compared(
        tmp_path / "6", worse, OWN, IN_SLICES.model_copy(update={"max_recall_at_10_fall": 0.06})
    ).blessed


def test_a_slice_that_loses_is_refused_although_the_whole_does_not(tmp_path: Path) -> None:
    # Half of the women lose, and men win more.
    women, men = PEOPLE[::2], PEOPLE[1::2]
    evaluated = compared(tmp_path / "wins", missing(OWN, women[:10]), missing(OWN, men[:14]))
    summary = read_metrics(evaluated.uri)
    assert summary.overall.over_served["recall@10"].value == pytest.approx(0.1)
    assert not evaluated.blessed
    [reason] = summary.reasons
    # Half of them, less 1.96 standard errors of sqrt(.5 * .5 / 20).
    found = re.fullmatch(
        r"user_gender=Female: recall@10 is at least (.*) behind the served version with 95 % confidence, "
        r"more than the 0.02 allowed in a slice",
        reason,
    )
    assert found is not None
    assert float(found[1]) == pytest.approx(0.5 - 1.96 * sqrt(0.25 / 20), abs=0.04)
    # With one user less in it than it takes, the same slice blocks nothing.
    small = IN_SLICES.model_copy(update={"min_slice_users": 21})
    assert compared(tmp_path / "small", missing(OWN, women[:10]), missing(OWN, men[:14]), small).blessed


def test_a_slice_that_loses_less_than_chance_would_take_is_let_through(tmp_path: Path) -> None:
    evaluated = compared(tmp_path, missing(OWN, PEOPLE[:1]), missing(OWN, PEOPLE[1:4:2]))
    female = next(found for found in read_metrics(evaluated.uri).slices if found.name.endswith("Female"))
    # More than the 0.02 that is allowed, and one user of twenty.
    assert female.over_served["recall@10"].value == pytest.approx(-0.05)
    assert evaluated.blessed


def test_the_same_list_for_everyone_is_refused_for_that_reason(tmp_path: Path) -> None:
    config = LOW_THRESHOLDS.model_copy(update={"min_personalization_at_10": 0.1, "min_recall_at_10": 0.0})
    everyone = dict.fromkeys(PEOPLE, " ".join(PEOPLE[:10]))
    evaluated = compared(tmp_path, everyone, everyone, config)
    summary = read_metrics(evaluated.uri)
    assert not evaluated.blessed
    assert summary.reasons == (
        "personalization@10 0.0000 misses the threshold of at least 0.1 "
        "(users get much the same list, whoever they are)",
    )
    assert summary.overall.model["coverage@10"].value == 1
    assert summary.overall.model["log_popularity@10"].value == pytest.approx(log(2))
    assert summary.overall.reference["coverage@10"].value == pytest.approx(2 / 10)
    assert (
        summary.overall.model["short_lists@10"].value,
        summary.overall.reference["short_lists@10"].value,
    ) == (
        0,
        1,
    )


def test_cold_users_are_a_slice_of_their_own(tmp_path: Path) -> None:
    model = ByUser("movie_id", lists(missing(OWN, PEOPLE[:3])), lists(NOTHING), cold=PEOPLE[:4])
    evaluated = run(tmp_path, PEOPLE_ROWS, model, retrieval_eval_config(LOW_THRESHOLDS))
    cold = next(found for found in read_metrics(evaluated.uri).slices if found.name.startswith("cold"))
    assert (cold.name, cold.user_count) == ("cold_user=yes", 4)
    assert cold.model["recall@10"].value == pytest.approx(1 / 4)


def test_ratings_that_are_further_off_than_the_served_version_are_refused(tmp_path: Path) -> None:
    model, served = (
        ByUser("user_rating", predicted(dict.fromkeys(OFF, error)), predicted(dict.fromkeys(OFF, 0.9)))
        for error in (0.5, 0.46)
    )
    evaluated = run(tmp_path, RATING_ROWS, model, ranking_eval_config(LOW_THRESHOLDS), served=served)
    assert not evaluated.blessed
    assert read_metrics(evaluated.uri).reasons == (
        "rmse is 0.0400 behind the served version, more than the 0.025 allowed",
    )
