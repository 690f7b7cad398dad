"""What is kept of a study from one run to the next."""

from dataclasses import replace
from pathlib import Path

import pytest

from studies.cells import Cell, Outcome
from studies.child import StudyError
from studies.results import Results
from studies.tasks import RANKING, RETRIEVAL

BASELINE = Cell("random", "EASE", RETRIEVAL, 42)
MODEL = Cell("random", "our ranking, default", RANKING, 42, {"epochs": 2})
OUTCOME = Outcome({"recall@10": 0.25}, fit_seconds=1.5, per_second=10, settings={"penalty": 100.0})


def test_a_finished_cell_is_found_by_the_next_run(tmp_path: Path) -> None:
    Results(tmp_path / "results.csv").put("ml-100k", BASELINE, OUTCOME, 123.4)
    row = Results(tmp_path / "results.csv").find("ml-100k", BASELINE)

    assert row is not None
    assert (row["recall@10"], row["fit_seconds"], row["peak_mb"]) == ("0.250000", "1.500", "123")
    assert row["settings"] == '{"penalty": 100.0}'
    assert row["rmse"] == ""


@pytest.mark.parametrize(
    "other",
    [
        replace(BASELINE, seed=43),
        replace(BASELINE, split="temporal"),
        replace(BASELINE, model="iALS"),
        replace(MODEL, settings={"epochs": 3}),
    ],
)
def test_another_cell_is_not_found(tmp_path: Path, other: Cell) -> None:
    results = Results(tmp_path / "results.csv")
    for cell in (BASELINE, MODEL):
        results.put("ml-100k", cell, OUTCOME, 1)

    assert results.find("ml-100k", other) is None
    assert results.find("ml-1m", BASELINE) is None


def test_metrics_of_a_model_do_not_outlive_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = Results(tmp_path / "results.csv")
    for cell in (BASELINE, MODEL):
        results.put("ml-100k", cell, OUTCOME, 1)
    monkeypatch.setattr("studies.cells._code", lambda task: "edited")

    assert results.find("ml-100k", MODEL) is None
    assert results.find("ml-100k", BASELINE) is not None


def test_measuring_again_replaces_the_row(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.csv")
    results.put("ml-100k", BASELINE, OUTCOME, 1)
    results.put("ml-100k", BASELINE, replace(OUTCOME, fit_seconds=9), 1)

    [row] = Results(tmp_path / "results.csv").of("ml-100k", [BASELINE, MODEL])
    assert row["fit_seconds"] == "9.000"


def test_a_file_of_another_version_is_named_and_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text("model,rmse\nours,1\n")

    with pytest.raises(StudyError, match=r"results\.csv does not have the columns .* move it away"):
        Results(tmp_path / "results.csv")
    assert (tmp_path / "results.csv").read_text() == "model,rmse\nours,1\n"
