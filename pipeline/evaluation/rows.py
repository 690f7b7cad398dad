"""What the metrics need of an evaluated row, taken from what TFMA extracts: its user and a few numbers."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

# TFX comes before TFMA: imported after it, some of its components can be None.
import tfx.components  # noqa: F401

# isort: split
import numpy as np
import tensorflow_model_analysis as tfma

from contracts import features, signatures
from pipeline.evaluation.ranked_ids import FIRST, shown_list, slot_of

Row: TypeAlias = tuple[Any, ...]


class RowOfUser(tfma.metrics.Preprocessor):
    """Reduces a row to its user and to what some metrics need of it.

    Args:
      model_names: the candidate first; the baseline, if there is one, second.

    Attributes:
      output: of the models, and the feature that holds its label.
    """

    output: str

    def __init__(self, model_names: Sequence[str]) -> None:
        super().__init__(name=type(self).__name__)
        self._model_names = model_names

    def process(self, extracts: dict[str, Any]) -> Iterable[Row]:
        """Yields `(user id, ...)`."""
        user_id = _only(extracts[tfma.FEATURES_KEY].get(features.USER_ID), features.USER_ID)
        labels, predictions = extracts[tfma.LABELS_KEY], extracts[tfma.PREDICTIONS_KEY]
        # TFMA keys both by model where there is more than one.
        several = len(self._model_names) > 1
        label = labels[self._model_names[0]] if several else labels
        answers = [predictions[name] for name in self._model_names] if several else [predictions]
        if isinstance(label, dict):  # A model that does both tasks has a label for each.
            label = label[self.output]
        yield (user_id, *self._measure(_only(label, "its label"), answers))

    def _measure(self, label: Any, answers: Sequence[Any]) -> Row:
        raise NotImplementedError


class RankedRow(RowOfUser):
    """(user id, movie id, its slot by source, checksum of the ranked list by source).

    Sources are the models in their order and the candidate's other orders, its reference last.
    """

    output = features.MOVIE_ID
    others: tuple[str, ...] = (signatures.REFERENCE_MOVIE_ID,)

    def _measure(self, label: Any, answers: Sequence[Any]) -> Row:
        lists = [_output(answer, features.MOVIE_ID).tolist() for answer in answers]
        lists += [_output(answers[0], name).tolist() for name in self.others]
        return (
            label,
            *(slot_of(label, ranked) for ranked in lists),
            *(zlib.crc32(b"\0".join(ranked)) for ranked in lists),
        )


class FinalRow(RankedRow):
    """A `RankedRow` of a final list, with other orders of its candidates and, at the end, stars."""

    others = (
        signatures.RETRIEVAL_ORDER_MOVIE_ID,
        signatures.RATING_ORDER_MOVIE_ID,
        signatures.REFERENCE_MOVIE_ID,
    )

    def process(self, extracts: dict[str, Any]) -> Iterable[Row]:
        """Yields `(user id, ..., stars)`."""
        stars = _only(extracts[tfma.FEATURES_KEY].get(features.USER_RATING), features.USER_RATING)
        for row in super().process(extracts):
            yield (*row, stars)


class RatedRow(RowOfUser):
    """(user id, error in stars by source), sources as in `RankedRow`."""

    output = features.USER_RATING

    def _measure(self, label: Any, answers: Sequence[Any]) -> Row:
        predicted = [_output(answer, features.USER_RATING) for answer in answers]
        predicted.append(_output(answers[0], signatures.REFERENCE_RATING))
        return tuple(_only(value, "its prediction") - label for value in predicted)


class ListedRow(RowOfUser):
    """(user id, movies in the catalogue, what the first slots show by source), sources as in `RankedRow`."""

    output = features.MOVIE_ID

    def _measure(self, label: Any, answers: Sequence[Any]) -> Row:
        shown = [
            shown_list(
                _output(answer, movies)[:FIRST].tolist(),
                # A version that was pushed before there was such an output has none.
                _output(answer, popularity)[:FIRST].tolist() if _has(answer, popularity) else None,
            )
            for answer, movies, popularity in (
                *((answer, features.MOVIE_ID, signatures.LIST_POPULARITY) for answer in answers),
                (answers[0], signatures.REFERENCE_MOVIE_ID, signatures.REFERENCE_LIST_POPULARITY),
            )
        ]
        return (_only(_output(answers[0], signatures.CATALOGUE_SIZE), signatures.CATALOGUE_SIZE), *shown)


def _has(answer: Any, name: str) -> bool:
    return isinstance(answer, dict) and name in answer


def _output(answer: Any, name: str) -> Any:
    # TFMA takes the only output of a signature out of its dictionary.
    if isinstance(answer, dict):
        if name not in answer:
            raise ValueError(f"the signature {signatures.EVALUATE!r} does not have the output {name!r}")
        answer = answer[name]
    return np.ravel(answer)


def _only(value: Any, name: str) -> Any:
    # As plain Python values: Beam pickles them between its stages, which takes far longer for numpy's.
    values = np.ravel(value).tolist() if value is not None else []
    if len(values) != 1 or values[0] == b"":
        raise ValueError(f"an evaluated row must hold one {name}, but holds {values}")
    return values[0]
