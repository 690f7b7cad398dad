"""Transformed Examples as batches of dense tensors, streamed from disk."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft

from contracts import features

Batch: TypeAlias = dict[str, tf.Tensor]

# AutoGraph rewrites Python control flow on tensors; there is none here, and the rewriting takes seconds.
no_autograph = tf.autograph.experimental.do_not_convert

# Rows parsed at a time where the batch size does not matter to the result.
READ_BATCH_SIZE = 8192
# Examples of about a kilobyte that a fit keeps in memory.
IN_MEMORY_EXAMPLES = 1_000_000
# Serialized examples that the shuffle holds, some tens of megabytes.
SHUFFLE_BUFFER = 100_000
# Resolution of the validation share.
HASH_BUCKETS = 10_000
# Of the keys of pairs; two pairs of a billion share one with a probability of a tenth.
_KEYS = 2**62


class TrainerArgs(Protocol):
    """What a `run_fn` reads of the arguments that `RecommenderTrainer` passes."""

    train_files: list[str]
    eval_files: list[str]
    movie_files: list[str]
    transform_graph_path: str
    serving_model_dir: str
    model_run_dir: str
    hyperparameters: dict[str, Any] | None
    custom_config: dict[str, Any]


class TransformedExamples:
    """One or more splits of transformed Examples.

    Args:
      patterns: file patterns of gzipped TFRecords.
      transform_output: what Transform wrote, with the features' types.
      history_length: movies of history kept per example, newest last.
    """

    def __init__(
        self, patterns: Sequence[str], transform_output: tft.TFTransformOutput, history_length: int
    ) -> None:
        self._files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
        if not self._files:
            raise FileNotFoundError(f"no transformed Examples match {', '.join(patterns)}")
        self._spec = transform_output.transformed_feature_spec()
        self._widths = feature_widths(history_length)

    def batches(self, names: Sequence[str], *, batch_size: int = READ_BATCH_SIZE) -> tf.data.Dataset:
        """All examples in file order as dicts of dense tensors [B, ...], the last batch shorter."""
        records = tf.data.TFRecordDataset(self._files, compression_type="GZIP")
        return self._parsed(records, names, batch_size)

    def training_batches(
        self,
        names: Sequence[str],
        *,
        batch_size: int,
        validation_share: float,
        seed: int,
        withheld: npt.NDArray[np.int64] | None = None,
    ) -> tf.data.Dataset:
        """One epoch of shuffled batches without the validation examples, anew at each iteration.

        Up to IN_MEMORY_EXAMPLES examples are parsed once and kept; more are read from disk in each epoch.
        `withheld` are the sorted `pair_keys` of examples that neither training nor validation reads.
        """
        cut = partial(_cut, validation=False, share=validation_share, seed=seed, withheld=withheld)
        columns = _load(self.batches(names).map(cut), names)
        if columns is not None:
            rows = tf.data.Dataset.range(len(columns[names[0]]))
            shuffled = rows.shuffle(IN_MEMORY_EXAMPLES, seed=seed, reshuffle_each_iteration=True)
            return shuffled.batch(batch_size).map(partial(_gather, columns)).prefetch(tf.data.AUTOTUNE)
        records = tf.data.TFRecordDataset(self._files, compression_type="GZIP").shuffle(
            SHUFFLE_BUFFER, seed=seed, reshuffle_each_iteration=True
        )
        # The mean loss of a batch that the cut left empty is not a number.
        return self._parsed(records, names, batch_size).map(cut).filter(_has_rows)

    def validation_batches(
        self,
        names: Sequence[str],
        *,
        validation_share: float,
        seed: int,
        withheld: npt.NDArray[np.int64] | None = None,
    ) -> tf.data.Dataset:
        """The examples that `training_batches` leaves out, kept in memory; `withheld` as there.

        Raises:
          ValueError: if it leaves out none.
        """
        cut = partial(_cut, validation=True, share=validation_share, seed=seed, withheld=withheld)
        validation = self.batches(names).map(cut).filter(_has_rows).cache()
        # An error over no example would read 0, the best there is. Counting to the end fills the cache too.
        if sum(1 for _ in validation) == 0:
            raise ValueError(
                f"validation_share {validation_share:g} holds out none of the training examples; raise it"
            )
        return validation

    def _parsed(self, records: tf.data.Dataset, names: Sequence[str], batch_size: int) -> tf.data.Dataset:
        wanted = {*names, features.USER_ID, features.MOVIE_ID}
        spec = {name: feature for name, feature in self._spec.items() if name in wanted}

        @no_autograph
        def parse(serialized: tf.Tensor) -> Batch:
            return densify(tf.io.parse_example(serialized, spec), self._widths)

        return (
            records.batch(batch_size)
            .map(parse, num_parallel_calls=tf.data.AUTOTUNE)
            .prefetch(tf.data.AUTOTUNE)
        )


def feature_widths(history_length: int) -> dict[str, int]:
    """Columns of each repeated feature once it is dense."""
    return {
        features.HISTORY_MOVIE_INDEX: history_length,
        features.HISTORY_RATING_CENTRED: history_length,
        features.TITLE_WORD_INDEX: features.TITLE_WORDS,
    }


def densify(batch: Batch, widths: dict[str, int]) -> Batch:
    """Makes the sparse features of a batch dense, `widths[name]` columns each, padded with 0.

    Title words are padded behind; history in front, so the newest movie is always in the last column.
    """
    dense = dict(batch)
    for name, feature in batch.items():
        if isinstance(feature, tf.SparseTensor):
            rows = tf.RaggedTensor.from_sparse(feature)
            align = _align_left if name == features.TITLE_WORD_INDEX else align_right
            dense[name] = align(rows, widths[name])
    return dense


def align_right(rows: tf.RaggedTensor, width: int) -> tf.Tensor:
    """The last `width` values of each row of a ragged [B, None] as a dense [B, width], 0 in front."""
    left = _align_left(rows[:, -width:], width)
    lengths = tf.minimum(rows.row_lengths(), width)[:, tf.newaxis]
    columns = tf.range(width, dtype=tf.int64)[tf.newaxis, :] - (width - lengths)
    values = tf.gather(left, tf.maximum(columns, 0), batch_dims=1)
    return tf.where(columns >= 0, values, tf.zeros_like(values))


def _align_left(rows: tf.RaggedTensor, width: int) -> tf.Tensor:
    return rows.to_tensor(shape=[None, width])


def _load(dataset: tf.data.Dataset, names: Sequence[str]) -> Batch | None:
    """All batches as one, or None if they hold more than IN_MEMORY_EXAMPLES examples."""
    parts: list[Batch] = []
    size = 0
    for batch in dataset:
        parts.append({name: batch[name] for name in names})
        size += len(batch[names[0]])
        if size > IN_MEMORY_EXAMPLES:
            return None
    return {name: tf.concat([part[name] for part in parts], axis=0) for name in names}


@no_autograph
def _has_rows(batch: Batch) -> tf.Tensor:
    return tf.size(batch[features.MOVIE_ID]) > 0


@no_autograph
def _gather(columns: Batch, rows: tf.Tensor) -> Batch:
    return {name: tf.gather(column, rows) for name, column in columns.items()}


@no_autograph
def _cut(
    batch: Batch, *, validation: bool, share: float, seed: int, withheld: npt.NDArray[np.int64] | None
) -> Batch:
    """Keeps the validation examples or the others, and of neither the withheld ones.

    A hash of the (user, movie) pair decides, so the order of reading does not matter.
    """
    mask = tf.equal(validation_mask(batch, share, seed), validation)
    if withheld is not None and len(withheld):
        keys, known = pair_keys(batch), tf.constant(withheld)
        places = tf.minimum(tf.searchsorted(known, keys), len(withheld) - 1)
        mask &= tf.gather(known, places) != keys
    return {name: tf.boolean_mask(feature, mask) for name, feature in batch.items()}


@no_autograph
def pair_keys(ids: Batch) -> tf.Tensor:
    """Of `user_id` [B] and `movie_id` [B], a number for each pair, [B]."""
    return tf.strings.to_hash_bucket_strong(_pairs(ids), _KEYS, key=[0, 0])


@no_autograph
def validation_mask(ids: Batch, share: float, seed: int) -> tf.Tensor:
    """Of `user_id` [B] and `movie_id` [B], which pairs are validation examples, [B]."""
    bucket = tf.strings.to_hash_bucket_strong(_pairs(ids), HASH_BUCKETS, key=[seed, 0])
    return bucket < int(share * HASH_BUCKETS)


def _pairs(ids: Batch) -> tf.Tensor:
    return tf.strings.join([ids[features.USER_ID], ids[features.MOVIE_ID]], separator="\t")
