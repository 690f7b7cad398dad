"""The CSV layout of the newer data sets, which do not have demographics, as a Windows editor saves it."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from tests.pipeline_run import COMMON_RETRIEVAL, MODELS, PipelineRun, run_pipeline

pytestmark = pytest.mark.slow

USERS, MOVIES, EACH = 120, 90, 30
BOM = b"\xef\xbb\xbf"


@pytest.fixture(scope="module")
def csv_run(project: Path, tmp_path_factory: pytest.TempPathFactory) -> PipelineRun:
    folder = tmp_path_factory.mktemp("csv") / "ml-tiny"
    _write_csv_data_set(folder)
    return run_pipeline(
        project,
        folder.parent / "runs",
        f"--data-dir={folder}",
        "--split=random",
        *COMMON_RETRIEVAL,
        "--set=retrieval.batch_size=128",
        "--set=retrieval.learning_rate=0.003",
        "--set=retrieval.epochs=3",
        "--set=ranking.batch_size=256",
        "--set=ranking.epochs=5",
        "--set=ranking.learning_rate=0.003",
    )


def test_the_whole_pipeline_runs(csv_run: PipelineRun) -> None:
    assert csv_run.status == 0, csv_run.out + csv_run.err
    assert set(csv_run.states.values()) == {"done"}
    for name in MODELS:
        assert len(csv_run.pushed[name]) == 1


def test_byte_order_mark_and_carriage_returns_cost_no_row(csv_run: PipelineRun) -> None:
    assert csv_run.summaries["RatingsGen"].startswith(
        f"{USERS * EACH:,} rows in, {USERS} users, {MOVIES} movies, "
    )
    assert csv_run.summaries["MoviesGen"] == f"{MOVIES} rows in, {MOVIES} movies"
    for node in ("RatingsValidator", "MoviesValidator"):
        assert csv_run.summaries[node] == "no anomalies"


def test_metrics_name_the_data_set(csv_run: PipelineRun) -> None:
    assert "Metrics (eval split, random, ml-tiny)\n" in csv_run.out
    assert "synthetic" not in csv_run.out


def _write_csv_data_set(folder: Path) -> None:
    """Two kinds of people and of movies, half stars, quoted titles with commas."""
    random = np.random.default_rng(7)
    kinds = np.arange(MOVIES) % 2
    genres = ("Comedy|Romance", "Horror")
    movies = [
        [movie + 1, f"Film, The {movie + 1} ({1980 + movie % 40})", genres[kinds[movie]]]
        for movie in range(MOVIES)
    ]
    ratings = []
    for user in range(USERS):
        likes = kinds == user % 2
        chosen = random.choice(MOVIES, EACH, replace=False, p=(1 + 4 * likes) / (1 + 4 * likes).sum())
        for place, movie in enumerate(chosen):
            stars = np.clip(4 - 2 * (not likes[movie]) + random.integers(-1, 2) / 2, 0.5, 5)
            ratings.append([user + 1, movie + 1, stars, 1_400_000_000 + 1000 * user + 60 * place])
    folder.mkdir()
    for name, header, rows in (
        ("movies.csv", ["movieId", "title", "genres"], movies),
        ("ratings.csv", ["userId", "movieId", "rating", "timestamp"], ratings),
    ):
        text = io.StringIO(newline="")
        csv.writer(text).writerows([header, *rows])  # with \r\n
        (folder / name).write_bytes(BOM + text.getvalue().encode())
