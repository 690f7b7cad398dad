"""The synthetic catalogues that the partitioned index is measured on."""

import numpy as np
import pytest

from benchmarks.serving.__main__ import main
from benchmarks.serving.index_scale import clusters


def test_catalogue_has_clusters_and_a_common_direction() -> None:
    movies, users = clusters(2500, 40)
    assert (movies.shape, users.shape) == ((2500, 64), (40, 64))
    assert movies.dtype == users.dtype == np.float32
    again, _ = clusters(2500, 40)
    assert (again == movies).all()
    unit = movies / np.linalg.norm(movies, axis=1, keepdims=True)
    nearest = np.sort(unit @ unit.T, axis=1)[:, -11:-1].mean()
    others = np.abs(unit[:1000] @ unit[1000:2000].T).mean()
    # The ten nearest of 2,500 movies in 50 clusters are far nearer than any two.
    assert nearest > 3 * others
    # Users share a direction, so their mean is not a small vector.
    assert np.linalg.norm(users.mean(axis=0)) > 0.3


@pytest.mark.slow
def test_both_indexes_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index", "--movies", "4000", "--seconds-per-cell", "0.1"]) == 0
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("| 4,000")]
    assert [row[2].strip() for row in rows] == ["BruteForce", "Partitioned"]
    [_, partitioned] = rows
    assert 0.9 <= float(partitioned[7]) <= 1
    for row in rows:
        for latencies in row[3:5]:
            p50, p99 = map(float, latencies.split("/"))
            assert 0 <= p50 <= p99
        # 4,000 vectors of 64 floats take a megabyte.
        assert float(row[6].replace(",", "")) >= 1
