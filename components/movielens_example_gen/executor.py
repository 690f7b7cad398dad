"""Executor of MovieLensExampleGen: unpacks properties, runs Beam, judges the counts, labels the artifact."""

import posixpath
from typing import Any

import apache_beam as beam
from apache_beam.transforms import combiners
from google.protobuf import json_format, struct_pb2
from tfx import types
from tfx.components.example_gen import write_split
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from components.movielens_example_gen import splits
from components.movielens_example_gen.movies import ingest_movies
from components.movielens_example_gen.official_folds import fold_rows
from components.movielens_example_gen.ratings import ROWS_PER_SHARD, RatingsPlan, ingest_ratings
from components.movielens_example_gen.settings import ExampleGenSettings
from components.movielens_example_gen.source import CHUNK_BYTES, RawSource
from components.movielens_example_gen.summary import IngestionReport, add_summaries, write_rejected
from contracts.artifacts import COUNTS_FILE, REJECTED_FILE
from contracts.features import EVAL_SPLIT, MOVIES, MOVIES_SPLIT, TRAIN_SPLIT
from movielens.records import DatasetError


class MovieLensExampleGenExecutor(base_beam_executor.BaseBeamExecutor):
    """Writes Examples, `rejected.csv` and `counts.json`; no split is left behind by a run that fails."""

    chunk_bytes = CHUNK_BYTES
    rows_per_shard = ROWS_PER_SHARD

    def Do(  # noqa: N802 - TFX's name.
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Ingests one table.

        Args:
          input_dict: empty.
          output_dict: `examples`, the Examples artifact to fill.
          exec_properties: those of `FileBasedExampleGen`; `custom_config` is the component's.

        Raises:
          DatasetError: the folder cannot be used, too many rows are malformed, or a split stays empty.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        table, settings = _parse_config(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        artifact = artifact_utils.get_single_instance(output_dict[standard_component_specs.EXAMPLES_KEY])
        split_names = [MOVIES_SPLIT] if table == MOVIES else [TRAIN_SPLIT, EVAL_SPLIT]
        artifact.split_names = artifact_utils.encode_split_names(split_names)
        split_uris = {name: artifact_utils.get_split_uri([artifact], name) for name in split_names}
        source = RawSource.open(_folder(exec_properties))
        try:
            for uri in split_uris.values():
                fileio.makedirs(uri)
            if table == MOVIES:
                self._run(
                    artifact.uri, lambda pipeline: ingest_movies(pipeline, source, split_uris[MOVIES_SPLIT])
                )
            else:
                self._ingest_ratings(artifact.uri, source, settings, split_uris)
            file = source.spec.movies_file if table == MOVIES else source.spec.ratings_file
            report = IngestionReport.read(posixpath.join(artifact.uri, COUNTS_FILE), file)
            self._judge(report, settings, source, artifact.uri, split_names)
        except BaseException:
            for uri in split_uris.values():
                if fileio.exists(uri):
                    fileio.rmtree(uri)
            raise
        for name, value in report.properties().items():
            artifact.set_int_custom_property(name, value)
        examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(
            artifact, write_split.to_file_format_str(example_gen_pb2.FORMAT_TFRECORDS_GZIP)
        )

    def _ingest_ratings(
        self, uri: str, source: RawSource, settings: ExampleGenSettings, split_uris: dict[str, str]
    ) -> None:
        spec = source.spec
        chunks = source.chunks(spec.ratings_file, self.chunk_bytes)
        rows = source.count_rows(spec.ratings_file, chunks)
        if rows < 1:
            raise DatasetError(
                f"{source.path(spec.ratings_file)} does not hold ratings; fetch the data set again"
            )
        held_out = None
        if settings.split == "random" and settings.random_rule == "permutation":
            held_out = splits.permutation(rows, settings.eval_share, settings.seed)
        elif settings.split == "official_fold":
            held_out = fold_rows(source, settings.fold)
        ratings = source.tasks(chunks, held_out)
        users = (
            source.tasks(source.chunks(spec.users_file, self.chunk_bytes), None) if spec.users_file else []
        )
        plan = RatingsPlan(
            source,
            settings,
            shards=-(-rows // self.rows_per_shard),
            allowed=int(settings.max_rejected_share * rows),
            blocks=posixpath.join(uri, "blocks"),
        )
        fileio.makedirs(plan.blocks)
        try:
            self._run(uri, lambda pipeline: ingest_ratings(pipeline, plan, ratings, users, split_uris))
        finally:
            fileio.rmtree(plan.blocks)

    def _run(self, uri: str, ingest: Any) -> None:
        with self._make_beam_pipeline() as pipeline:
            summaries, rejected = ingest(pipeline)
            _ = (
                summaries
                | "AddSummaries" >> beam.CombineGlobally(add_summaries)
                | "WriteCounts" >> beam.Map(_write_counts, posixpath.join(uri, COUNTS_FILE))
            )
            _ = (
                rejected
                | "ListRejected" >> combiners.ToList()
                | "WriteRejected" >> beam.Map(write_rejected, posixpath.join(uri, REJECTED_FILE))
            )

    def _judge(
        self,
        report: IngestionReport,
        settings: ExampleGenSettings,
        source: RawSource,
        uri: str,
        split_names: list[str],
    ) -> None:
        # TFX removes the folder of an artifact that failed, so what explains the failure goes beside it.
        rejected, kept_at = posixpath.join(uri, REJECTED_FILE), f"{uri.rstrip('/')}.{REJECTED_FILE}"
        fileio.copy(rejected, kept_at, overwrite=True)
        report.check_rejected(settings.max_rejected_share, source.folder, kept_at)
        report.check_splits(split_names, source.folder)
        fileio.remove(kept_at)


def _parse_config(custom_config: str) -> tuple[str, ExampleGenSettings]:
    """Reads the component's `custom_config`: the table and the settings that it uses."""
    message = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(custom_config, message)
    config = struct_pb2.Struct()
    message.custom_config.Unpack(config)
    values = json_format.MessageToDict(config)
    return values["table"], ExampleGenSettings.model_validate(values["settings"])


def _folder(exec_properties: dict[str, Any]) -> str:
    """The folder of the files: the input base, or below it the folder of the span that TFX chose."""
    input_config = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.INPUT_CONFIG_KEY], input_config)
    below = posixpath.dirname(input_config.splits[0].pattern)
    folder: str = posixpath.join(exec_properties[standard_component_specs.INPUT_BASE_KEY], below)
    return folder.rstrip("/")


def _write_counts(summary: Any, path: str) -> None:
    with fileio.open(path, "w") as stream:
        stream.write(summary.to_json())
