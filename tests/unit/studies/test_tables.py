"""Means over seeds and folds, and the page of the leaderboard."""

from pathlib import Path

from studies import leaderboard, tables
from studies.cells import Cell, Outcome
from studies.results import Results, Row
from studies.tasks import RANKING, RETRIEVAL


def rows(folder: Path, metrics: dict[tuple[str, str, int], float], name: str) -> list[Row]:
    """Rows of (model, split, seed) with one metric each."""
    results = Results(folder / "results.csv")
    return [
        results.put(
            "ml-100k",
            Cell(split, model, RETRIEVAL if "@" in name else RANKING, seed, {}),
            Outcome({name: value}, fit_seconds=1.0, per_second=100.0),
            500,
        )
        for (model, split, seed), value in metrics.items()
    ]


def test_one_seed_has_no_deviation_and_two_have_that_of_a_sample(tmp_path: Path) -> None:
    both = rows(tmp_path, {("a", "random", 1): 0.9, ("a", "random", 2): 1.1}, "rmse")

    assert tables.mean_and_deviation(both[:1], "rmse") == ".9000"
    assert tables.mean_and_deviation(both, "rmse") == "1.0000 ± .1414"
    assert tables.mean_and_deviation(both, "mae") == "-"


def test_folds_are_averaged_where_a_seed_has_all_five(tmp_path: Path) -> None:
    metrics = {("a", f"u{fold}", 1): 0.9 + fold / 100 for fold in range(1, 6)}
    found = rows(tmp_path, {**metrics, ("a", "u1", 2): 5.0, ("a", "random", 1): 7.0}, "rmse")

    [mean] = tables.fold_means(found, "rmse")
    assert float(mean["rmse"]) == 0.93


def test_leaderboard_page_ranks_and_draws(tmp_path: Path) -> None:
    metrics = {("worse", "random", 1): 0.1, ("better", "random", 1): 0.2}
    text = leaderboard.report(rows(tmp_path, metrics, "ndcg@10"), tmp_path)

    assert "## Retrieval, ml-100k, split random" in text
    assert text.index("| better") < text.index("| worse")
    assert (tmp_path / "results.md").read_text() == text
    assert {path.name for path in tmp_path.glob("*.svg")} == {
        "retrieval-random.svg",
        "retrieval-cost-random.svg",
    }
    # Text is drawn as outlines, which every viewer shows alike; the text is beside it.
    assert "<!-- better -->" in (tmp_path / "retrieval-random.svg").read_text()
