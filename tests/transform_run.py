"""A real Transform run over raw rows, for the suites that train models on invented ratings."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import metadata_io
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
from tfx_bsl.public import tfxio

from schema import RATINGS_SCHEMA
from tests.unit.trainer_module.tiny_world import Row, example, write
from trainer_module.preprocessing import preprocessing_fn


@dataclass(frozen=True)
class Transformed:
    """What Transform left behind.

    Attributes:
      transform_output: the transform graph, vocabularies and feature types.
      path: the folder of the transform graph.
      files: pattern of the transformed Examples.
    """

    transform_output: tft.TFTransformOutput
    path: str
    files: str

    @cached_property
    def layer(self) -> tf.keras.layers.Layer:
        """The layer that serving transforms with."""
        return self.transform_output.transform_features_layer()


def run_transform(folder: Path, rows: Sequence[Row]) -> Transformed:
    """Analyzes and transforms raw `ratings` rows with the curated schema, as TFX's Transform does."""
    schema = text_format.Parse(RATINGS_SCHEMA.read_text("utf-8"), schema_pb2.Schema())
    source = tfxio.TFExampleRecord(file_pattern=write(folder / "raw.gz", rows), schema=schema)
    with (
        beam.Pipeline(runner=FnApiRunner()) as pipeline,
        tft_beam.Context(temp_dir=str(folder / "temp")),
    ):
        raw = (pipeline | source.BeamSource(), source.TensorAdapterConfig())
        (transformed, metadata), transform_fn = raw | tft_beam.AnalyzeAndTransformDataset(
            preprocessing_fn, output_record_batches=True
        )
        _ = transform_fn | tft_beam.WriteTransformFn(str(folder / "graph"))
        encoder = RecordBatchToExamplesEncoder(metadata.schema)
        _ = (
            transformed
            | beam.FlatMapTuple(lambda batch, _: encoder.encode(batch))
            | beam.io.WriteToTFRecord(str(folder / "transformed"), file_name_suffix=".gz")
        )
    # TFX adds what the raw Examples look like.
    metadata_io.write_metadata(
        DatasetMetadata(schema), str(folder / "graph" / tft.TFTransformOutput.RAW_METADATA_DIR)
    )
    return Transformed(
        tft.TFTransformOutput(str(folder / "graph")), str(folder / "graph"), str(folder / "transformed*")
    )


def transform_again(transformed: Transformed, rows: Sequence[Row]) -> dict[str, tf.Tensor | tf.SparseTensor]:
    """Raw rows through the layer that serving uses."""
    spec = transformed.transform_output.raw_feature_spec()
    raw = tf.io.parse_example([example(row) for row in rows], spec)
    return dict(transformed.layer(raw))
