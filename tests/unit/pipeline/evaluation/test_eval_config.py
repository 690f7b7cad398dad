"""An Evaluator's results as a line, and what it holds where there are none."""

from pathlib import Path

import pytest
from tfx.utils.proto_utils import proto_to_json

from pipeline.evaluation import tfma_metrics
from pipeline.evaluation.eval_config import ranking_eval_config, retrieval_eval_config, summarize
from pipeline.fingerprint import source_fingerprint
from reports.reading.evaluation_results import (
    EvaluationSummary,
    Measure,
    SliceSummary,
    read_metrics,
)
from tests.unit.pipeline.evaluation.evaluated_worlds import LOW_THRESHOLDS, POPULAR, RANKED
from tests.unit.pipeline.tiny_evaluator import ByUser, run

pytestmark = pytest.mark.slow


def test_an_empty_split_blesses_nothing_with_a_reason(tmp_path: Path) -> None:
    evaluated = run(tmp_path, [], ByUser("movie_id", RANKED, POPULAR), retrieval_eval_config(LOW_THRESHOLDS))
    summary = read_metrics(evaluated.uri)
    assert not evaluated.blessed
    assert not summary.blessed
    assert summary.reasons == ("no row was evaluated: the eval split is empty",)
    assert summarize(summary) == "0 eval users; not blessed: no row was evaluated: the eval split is empty"


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not hold results of an Evaluator"):
        read_metrics(str(tmp_path))


def test_one_line_for_the_console() -> None:
    overall = SliceSummary(
        "overall",
        model={"recall@10": Measure(0.2264), "ndcg@10": Measure(1.0), "mrr": Measure(0.5)},
        reference={"recall@10": Measure(0.0861), "ndcg@10": Measure(0.0446)},
        over_reference={},
        served={"recall@10": Measure(0.2101)},
        over_served={},
        user_count=1943,
        example_count=20000,
    )
    assert (
        summarize(EvaluationSummary(overall, (), blessed=True, reasons=()))
        == "recall@10 .226 (popularity .086, served .210), ndcg@10 1.000 (popularity .045), 1,943 eval users"
    )


def test_edited_metrics_are_computed_anew() -> None:
    # TFX's cache key holds the config as text.
    for config in (retrieval_eval_config(LOW_THRESHOLDS), ranking_eval_config(LOW_THRESHOLDS)):
        assert source_fingerprint(tfma_metrics.__name__) in proto_to_json(config)
