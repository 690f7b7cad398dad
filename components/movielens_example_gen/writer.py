"""Gzipped TFRecord files, named as TFX's own ExampleGens name them."""

import posixpath
from typing import Final

import tensorflow as tf

# At level 1 zlib takes a third of the time of its default for files that are a fifth longer.
_OPTIONS: Final = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=1)


def open_shard(split_uri: str, shard: int, shards: int) -> tf.io.TFRecordWriter:
    """Opens one file of a split for writing; a second try of a worker writes the same bytes over it."""
    name = f"data_tfrecord-{shard:05d}-of-{shards:05d}.gz"
    return tf.io.TFRecordWriter(posixpath.join(split_uri, name), _OPTIONS)
