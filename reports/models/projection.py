"""Principal components: a map of points that have many coordinates."""

from typing import Any

import numpy as np
import numpy.typing as npt


def principal_plane(points: npt.NDArray[np.floating[Any]]) -> tuple[npt.NDArray[np.float64], float]:
    """Projects points onto the plane in which they differ most.

    Args:
      points: [N, D] with N >= 1.

    Returns:
      [N, 2] coordinates, and the share of the variance that the plane keeps, 0..1. The sign of an axis is
      arbitrary; here the coordinate farthest from 0 is positive, so the same points give the same map.
    """
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    left, scales, _ = np.linalg.svd(centred, full_matrices=False)
    plane = np.zeros((len(points), 2))
    kept = min(2, len(scales))
    plane[:, :kept] = left[:, :kept] * scales[:kept]
    farthest = plane[np.abs(plane).argmax(axis=0), [0, 1]]
    total = np.sum(scales**2)
    return plane * np.where(farthest < 0, -1, 1), float(np.sum(scales[:2] ** 2) / total) if total else 0.0
