"""Principal components of points whose plane is known."""

import numpy as np
import pytest

from reports.models.projection import principal_plane


def test_points_on_a_plane_keep_their_distances() -> None:
    generator = np.random.default_rng(0)
    flat = generator.normal(size=(50, 2)) * [3, 1]
    basis, _ = np.linalg.qr(generator.normal(size=(8, 2)))
    points = flat @ basis.T + 7

    plane, kept = principal_plane(points)

    assert kept == pytest.approx(1)
    np.testing.assert_allclose(
        np.linalg.norm(plane[0] - plane[1:], axis=1), np.linalg.norm(flat[0] - flat[1:], axis=1)
    )
    assert np.var(plane[:, 0]) > np.var(plane[:, 1])


def test_by_hand() -> None:
    # Along the first axis 2 from the middle, along the second 1.
    plane, kept = principal_plane(np.array([[2.0, 0, 0], [-2, 0, 0], [0, 1, 0], [0, -1, 0]]))

    assert np.abs(plane).round(9).tolist() == [[2, 0], [2, 0], [0, 1], [0, 1]]
    assert plane[np.abs(plane).argmax(axis=0), [0, 1]].tolist() == pytest.approx([2, 1])
    assert kept == pytest.approx(1)
    assert principal_plane(np.diag([3.0, 2, 1, 0]))[1] < 1


@pytest.mark.parametrize("points", [np.ones((1, 4)), np.ones((5, 3)), np.array([[1.0], [2.0]])])
def test_what_has_no_plane_still_has_a_map(points: np.ndarray) -> None:
    plane, kept = principal_plane(points)

    assert plane.shape == (len(points), 2)
    assert np.isfinite(plane).all()
    assert 0 <= kept <= 1
