"""`python -m serving batch` answers as the pushed models do."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.contract.served_models import ServedModels
from tests.pipeline_run import PROJECT, PipelineRun

pytestmark = pytest.mark.slow

K, CANDIDATES = 5, 40


def test_every_user_of_the_table_gets_what_both_stages_answer(
    served: ServedModels, sample_run: PipelineRun, rated: Mapping[str, set[str]], tmp_path: Path
) -> None:
    output = tmp_path / "all.parquet"
    models = [f"--{name}={sample_run.output / 'serving' / name}" for name in ("retrieval", "ranking")]
    limits = ["-k", str(K), "--candidates", str(CANDIDATES), "--batch-size", "64", "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-m", "serving", "batch", *models, *limits],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # One line of our own, and nothing of TensorFlow's.
    assert done.stderr.count("\n") == 1, done.stderr
    rows = defaultdict(list)
    for row in pq.read_table(output).to_pylist():
        rows[row["user_id"]].append(row)
    assert set(rows) == set(rated)
    users = sorted(rated)[:50]
    nothing = np.empty([len(users), 0], object)
    found = served.call(
        "retrieval", "recommend", user_id=np.array(users, object), exclude_movie_ids=nothing, k=CANDIDATES
    )["movie_id"]
    stars = served.call("ranking", "rank", user_id=users, movie_id=found)["user_rating"]
    for user, movies, ratings in zip(users, found, stars, strict=True):
        best = np.argsort(-ratings, kind="stable")[:K]
        predicted = [row["predicted_rating"] for row in rows[user]]
        # Batches of another size may differ in the last digit, and so the order of two that nearly tie.
        np.testing.assert_allclose(predicted, ratings[best], atol=1e-5)
        assert {row["movie_id"] for row in rows[user]} <= set(movies)
        assert not {row["movie_id"] for row in rows[user]} & rated[user]
