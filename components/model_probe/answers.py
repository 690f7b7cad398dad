"""What is wrong with an answer: shapes, numbers, ratings off the scale, lists that hold the wrong movies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from components.data_gate.checks import Check, at_most
from components.model_probe.probe_data import ProbeData
from components.model_probe.probed_process import Arrays, Specs
from components.model_probe.requests import Request
from contracts import features, signatures

# Kinds of checks of a signature.
ANSWERS: Final = "answers"
FINITE: Final = "finite"
SHAPES: Final = "shapes"
SCALE: Final = "scale"
LISTS: Final = "lists"
TITLES: Final = "titles"
KNOWN: Final = "known ids"

# What is counted for each of them.
_MEASURES: Final = {
    ANSWERS: "requests without an answer",
    FINITE: "numbers that are not finite",
    SHAPES: "arrays of another shape",
    SCALE: "ratings off the scale",
    LISTS: "faults",
    TITLES: "titles of another movie",
    KNOWN: "wrong flags",
}
# A rating may miss the scale by so much, which float32 does by itself.
_SLACK: Final = 1e-5


class SignatureTally:
    """Counts what is wrong with the answers of one signature; each kind of fault ends as one check.

    Args:
      signature: its name.
      outputs: the outputs in the signature.
      data: what the answers are held against.
    """

    def __init__(self, signature: str, outputs: Specs, data: ProbeData) -> None:
        self._signature, self._outputs, self._data = signature, outputs, data
        self._counts: dict[str, int] = {ANSWERS: 0, FINITE: 0, SHAPES: 0}
        self._first: dict[str, str] = {}
        self._requests = 0

    def refused(self, request: Request, error: str) -> None:
        """Counts a request that TensorFlow answered with an error."""
        self._requests += 1
        self._count(ANSWERS, 1, request, error.strip().split("\n")[0])

    def add(self, request: Request, answer: Arrays) -> None:
        """Looks at an answer."""
        self._requests += 1
        for name, array in answer.items():
            if array.dtype.kind == "f":
                wrong = int(np.sum(~np.isfinite(array)))
                self._count(FINITE, wrong, request, f"{wrong} of {array.size} in {name}")
        shapes = self._shapes(request, answer)
        self._count(SHAPES, len(shapes), request, "; ".join(shapes))
        # The features that Transform makes are held against those of training, and are not answers to people.
        if shapes or self._signature == signatures.TRANSFORM_FEATURES:
            return
        for name, array in answer.items():
            if name.endswith(features.USER_RATING):
                self._scale(request, name, array)
            elif name.endswith(features.MOVIE_ID) and array.ndim == 2:
                self._lists(request, name, array)
        if features.MOVIE_TITLE in answer and features.MOVIE_ID in answer:
            self._titles(request, answer[features.MOVIE_ID], answer[features.MOVIE_TITLE])
        if signatures.SCORE in answer and features.MOVIE_ID in answer:
            falls = np.diff(answer[signatures.SCORE], axis=1) <= 0
            self._count(LISTS, int(np.sum(~falls)), request, "a score is above the one before it")
        for name in (signatures.KNOWN_USER, signatures.KNOWN_MOVIE):
            if name in answer and request.known is not None:
                wrong = int(np.sum(answer[name] != np.array(request.known, bool)))
                self._count(KNOWN, wrong, request, f"{wrong} of {request.rows} in {name}")

    def checks(self) -> list[Check]:
        """One a kind of fault that could have been seen."""
        return [
            at_most(
                kind,
                self._signature,
                _MEASURES[kind],
                count,
                0,
                f"{self._requests} requests",
                self._first.get(kind, ""),
            )
            for kind, count in self._counts.items()
        ]

    def _count(self, kind: str, faults: int, request: Request, detail: str) -> None:
        self._counts[kind] = self._counts.get(kind, 0) + faults
        if faults:
            self._first.setdefault(kind, f"{request.label}: {detail}")

    def _shapes(self, request: Request, answer: Arrays) -> list[str]:
        wrong = []
        for name, array in answer.items():
            declared = self._outputs[name][1]
            wanted: list[int | None] = [None] * array.ndim if declared is None else list(declared)
            if wanted:
                wanted[0] = request.rows
            if len(wanted) == 2 and request.width is not None:
                wanted[1] = request.width
            if len(wanted) != array.ndim or any(
                size not in (None, found) for size, found in zip(wanted, array.shape, strict=False)
            ):
                wrong.append(f"{name} is {list(array.shape)} instead of {wanted}")
        return wrong

    def _scale(self, request: Request, name: str, ratings: npt.NDArray[Any]) -> None:
        low, high = self._data.scale
        wrong = (ratings < low - _SLACK) | (ratings > high + _SLACK)
        detail = f"{ratings[wrong][0]:g} in {name} is not in {low:g} to {high:g}" if wrong.any() else ""
        self._count(SCALE, int(wrong.sum()), request, detail)

    def _lists(self, request: Request, name: str, lists: npt.NDArray[Any]) -> None:
        for row, ids in enumerate(lists.tolist()):
            hidden = request.hidden[row] if request.hidden else frozenset()
            may_lack = request.may_lack[row] if request.may_lack else frozenset()
            faults = list_faults(ids, hidden, may_lack, self._data.movies)
            self._count(LISTS, len(faults), request, f"row {row} of {name}: {'; '.join(faults)}")

    def _titles(self, request: Request, ids: npt.NDArray[Any], titles: npt.NDArray[Any]) -> None:
        pairs = set(zip(ids.ravel().tolist(), titles.ravel().tolist(), strict=True))
        # An id that the catalogue does not hold is a fault of the list.
        wrong = [
            (movie, title)
            for movie, title in pairs
            if title != self._data.movies.get(movie, title if movie else b"")
        ]
        detail = ", ".join(f"{shown(movie)} is called {shown(title)}" for movie, title in sorted(wrong)[:2])
        self._count(TITLES, len(wrong), request, detail)


def list_faults(
    ids: Sequence[bytes],
    hidden: frozenset[bytes],
    may_lack: frozenset[bytes],
    movies: Mapping[bytes, bytes],
) -> list[str]:
    """What is wrong with one list, best first, empty slots at its end.

    Args:
      ids: the list.
      hidden: movies that must not be in it: rated, excluded, or the movie of the request.
      may_lack: movies that need not be in it.
      movies: the catalogue.
    """
    found = [movie for movie in ids if movie]
    faults = []
    if found != list(ids[: len(found)]):
        faults.append("an empty slot before a movie")
    if len(set(found)) < len(found):
        twice = next(movie for movie in found if found.count(movie) > 1)
        faults.append(f"{shown(twice)} is in it twice")
    if seen := hidden.intersection(found):
        faults.append(f"{len(seen)} that the user has rated or excluded, such as {shown(min(seen))}")
    if strange := [movie for movie in found if movie not in movies]:
        faults.append(f"{len(strange)} that the catalogue does not hold, such as {shown(strange[0])}")
    # Rated and excluded ids may be unknown to the catalogue.
    enough = min(len(ids), len(movies) - sum(movie in movies for movie in may_lack))
    if len(found) < enough:
        faults.append(f"{len(found)} movies where {enough} are left")
    return faults


def shown(text: bytes) -> str:
    """An id or a title for people."""
    return repr(text.decode("utf-8", "backslashreplace"))
