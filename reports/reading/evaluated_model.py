"""What a trained model answers over the eval split, through the signatures that its Evaluator called."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from contracts import features, signatures
from reports.reading.examples import example_files

# So that seconds do not grow with the data; enough for the mean of a tenth of them to stand to a hundredth.
MOST_ROWS: Final = 100_000
BATCH: Final = 1_024
# Scores of the whole catalogue for so many users at a time.
USERS_AT_ONCE: Final = 128

Floats = npt.NDArray[np.float32]


class EvaluatedModel:
    """A SavedModel, loaded.

    Attributes:
      ranks: whether it gives ranked lists of movies.
      rates: whether it predicts ratings.
    """

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        self._loaded = tf.saved_model.load(str(folder))
        outputs = self._loaded.signatures[signatures.EVALUATE].structured_outputs
        self.ranks = features.MOVIE_ID in outputs
        self.rates = features.USER_RATING in outputs

    def lists(self, serialized: Sequence[bytes], output: str = features.MOVIE_ID) -> list[list[bytes]]:
        """The ranked list for the user of each Example, best first; b"" is an empty slot.

        Args:
          serialized: `ratings` Examples.
          output: whose lists: the model's, or with `reference_movie_id` those of its reference.
        """
        found: list[list[bytes]] = []
        for start in range(0, len(serialized), USERS_AT_ONCE):
            answer = self._call(list(serialized[start : start + USERS_AT_ONCE]))
            found += answer[output].numpy().tolist()
        return found

    def scored_lists(self, serialized: Sequence[bytes], length: int) -> list[list["Recommended"]]:
        """The first movies of the list for the user of each Example, best first, with scores and ratings.

        Args:
          serialized: `ratings` Examples.
          length: of the lists.
        """
        answer = self._call(list(serialized))
        movies = answer[features.MOVIE_ID].numpy()[:, :length].tolist()
        # A retrieval model that is evaluated alone gives neither.
        scores, ratings = (
            answer[name].numpy().tolist() if name in answer else [[None] * length for _ in movies]
            for name in (signatures.SCORE, signatures.LIST_RATING)
        )
        return [
            [Recommended(*found) for found in zip(*lists, strict=False) if found[0]]
            for lists in zip(movies, scores, ratings, strict=True)
        ]

    def ratings(self, examples: Path, rows: int) -> "EvaluatedRatings":
        """Predicts the ratings of the eval split.

        Args:
          examples: folder of the `ratings` Examples.
          rows: of the split. Where they are more than `MOST_ROWS`, every n-th one is taken.
        """
        parts = [
            (actual, *(answer[name].numpy() for name in (features.USER_RATING, signatures.REFERENCE_RATING)))
            for batch, actual in _labelled(examples, every=-(-rows // MOST_ROWS))
            for answer in (self._call(batch),)
        ]
        actual, model, reference = (np.concatenate(column) for column in zip(*parts, strict=True))
        return EvaluatedRatings(actual, model, reference)

    def _call(self, serialized: Any) -> dict[str, Any]:
        import tensorflow as tf

        answer: dict[str, Any] = self._loaded.signatures[signatures.EVALUATE](
            **{signatures.EXAMPLES: tf.constant(serialized)}
        )
        return answer


@dataclass(frozen=True)
class Recommended:
    """A movie of a list.

    Attributes:
      movie_id: its id.
      score: by which the list is ordered, None where it is not known.
      stars: the predicted rating, None where it is not known.
    """

    movie_id: bytes
    score: float | None
    stars: float | None


@dataclass(frozen=True)
class EvaluatedRatings:
    """Ratings of the eval split, [rows], in stars.

    Attributes:
      actual: given.
      model: predicted by the model.
      reference: predicted by its reference.
    """

    actual: Floats
    model: Floats
    reference: Floats


def _labelled(examples: Path, every: int) -> Iterator[tuple[Any, Floats]]:
    import tensorflow as tf

    spec = {features.USER_RATING: tf.io.FixedLenFeature([], tf.float32)}
    records = tf.data.TFRecordDataset(
        example_files(examples, features.EVAL_SPLIT), compression_type="GZIP", buffer_size=1 << 20
    )
    for batch in records.shard(every, 0).batch(BATCH):
        yield batch, tf.io.parse_example(batch, spec)[features.USER_RATING].numpy()
