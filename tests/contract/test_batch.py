"""`python -m serving batch` answers as the pushed models do."""

import re
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

K = 5
# What TensorFlow 2.21 writes while it is imported, before it looks at its log level.
OF_TENSORFLOW = re.compile(r"WARNING: All log messages before absl|I0000 ")


@pytest.mark.parametrize("names", [("recommender",), ("retrieval", "ranking")], ids=["recommender", "stages"])
def test_every_user_of_the_table_gets_the_list_of_the_recommender(
    names: tuple[str, ...],
    served: ServedModels,
    sample_run: PipelineRun,
    rated: Mapping[str, set[str]],
    tmp_path: Path,
) -> None:
    output = tmp_path / "all.parquet"
    models = [f"--{name}={sample_run.output / 'serving' / name}" for name in names]
    limits = ["-k", str(K), "--batch-size", "64", "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-m", "serving", "batch", *models, *limits],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [_] = [line for line in done.stderr.splitlines() if not OF_TENSORFLOW.match(line)]
    rows = defaultdict(list)
    for row in pq.read_table(output).to_pylist():
        rows[row["user_id"]].append(row)
    assert set(rows) == set(rated)
    users = sorted(rated)[:50]
    nothing = np.empty([len(users), 0], object)
    found = served.call(
        "recommender", "recommend", user_id=np.array(users, object), exclude_movie_ids=nothing, k=K
    )
    same = 0
    for user, movies, scores in zip(users, found["movie_id"], found["score"], strict=True):
        # Batches of another size may differ in the last digit, and so the order of two that nearly tie.
        np.testing.assert_allclose([row["score"] for row in rows[user]], scores, atol=1e-4)
        same += [row["movie_id"] for row in rows[user]] == list(movies)
        assert not {row["movie_id"] for row in rows[user]} & rated[user]
    assert same >= 0.98 * len(users)
