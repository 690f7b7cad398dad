"""The DAG: wiring and nothing else.

TFX is imported by its parts: `tfx.v1` would load the Vertex AI client, 10 seconds that no node needs.
"""

from collections.abc import Sequence
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.components import ExampleValidator, SchemaGen, StatisticsGen, Transform
from tfx.orchestration.pipeline import Pipeline

from components.curated_schema_gen.component import CuratedSchemaGen
from components.data_gate.accepted import AcceptedData
from components.data_gate.component import DataGate
from components.model_probe.component import ModelProbe
from components.movielens_example_gen.component import MovieLensExampleGen
from components.recommender_tuner.component import RecommenderTuner
from components.report_gen.component import ReportGen
from contracts.features import MOVIES, RATINGS
from contracts.signatures import JOINT, RANKING, RECOMMENDER, RETRIEVAL
from pipeline.config import PipelineConfig
from pipeline.fingerprint import source_fingerprint
from pipeline.nodes import (
    PREPROCESSING_FN,
    make_composer,
    make_evaluator,
    make_pusher,
    make_served_model,
    make_trainer,
    make_tuner,
)
from reports.page import templates_digest
from schema import MOVIES_SCHEMA, RATINGS_SCHEMA

EXAMPLE_GEN = "components.movielens_example_gen.executor"
DATA_GATE = "components.data_gate.executor"
PROBE = ("components.model_probe.executor", "components.model_probe.bare_process")
REPORT_GEN = "components.report_gen.executor"
# Whose signatures each servable has.
CONTRACTS = {
    RETRIEVAL: [RETRIEVAL],
    RANKING: ["reranking"],
    RECOMMENDER: [RECOMMENDER],
    JOINT: [RECOMMENDER, RANKING],
}


def create_pipeline(config: PipelineConfig) -> Pipeline:
    """From the raw files in `config.data_dir` to pushed SavedModels."""
    if config.data_dir is None:
        raise ValueError("data_dir is not set: the folder of raw MovieLens files")
    code = source_fingerprint(EXAMPLE_GEN)
    ratings_gen = MovieLensExampleGen(config.data_dir, RATINGS, config.data, code).with_id("RatingsGen")
    movies_gen = MovieLensExampleGen(config.data_dir, MOVIES, config.data, code).with_id("MoviesGen")
    ratings, movies = ratings_gen.outputs["examples"], movies_gen.outputs["examples"]

    ratings_statistics_gen = StatisticsGen(ratings).with_id("RatingsStatistics")
    movies_statistics_gen = StatisticsGen(movies).with_id("MoviesStatistics")
    ratings_statistics = ratings_statistics_gen.outputs["statistics"]
    movies_statistics = movies_statistics_gen.outputs["statistics"]

    # What today's data looks like, for review; the curated schemas rule.
    ratings_schema_gen = SchemaGen(ratings_statistics).with_id("RatingsSchemaGen")
    movies_schema_gen = SchemaGen(movies_statistics).with_id("MoviesSchemaGen")
    ratings_schema = CuratedSchemaGen(RATINGS_SCHEMA.read_text("utf-8")).with_id("RatingsSchema")
    movies_schema = CuratedSchemaGen(MOVIES_SCHEMA.read_text("utf-8")).with_id("MoviesSchema")
    schema = ratings_schema.outputs["schema"]

    ratings_validator = ExampleValidator(ratings_statistics, schema).with_id("RatingsValidator")
    movies_validator = ExampleValidator(movies_statistics, movies_schema.outputs["schema"]).with_id(
        "MoviesValidator"
    )

    data_gate = DataGate(
        ratings,
        movies,
        statistics={RATINGS: ratings_statistics, MOVIES: movies_statistics},
        anomalies={
            RATINGS: ratings_validator.outputs["anomalies"],
            MOVIES: movies_validator.outputs["anomalies"],
        },
        schemas={RATINGS: schema, MOVIES: movies_schema.outputs["schema"]},
        settings=config.data_gate,
        accepted_data=AcceptedData(config.accepted_dir, config.data_series, config.data.split_label),
        split_rule=config.data.split,
        code_fingerprint=source_fingerprint(DATA_GATE),
    )

    transform = Transform(
        examples=ratings,
        schema=data_gate.outputs["schema"],  # Only data that passed the gate has one.
        preprocessing_fn=PREPROCESSING_FN,
        custom_config={"code_fingerprint": source_fingerprint(PREPROCESSING_FN)},
        disable_statistics=True,  # RatingsStatistics has those of the raw Examples.
        disable_analyzer_cache=True,  # It serves rolling spans; no later run of this DAG would read it.
    )

    tuners: dict[str, RecommenderTuner] = {
        name: make_tuner(name, config, transform, movies) for name in config.tuning.models
    }
    trainers = {
        name: make_trainer(name, config, transform, movies, tuners.get(name)) for name in config.models
    }
    composer = make_composer(trainers)
    if JOINT in trainers:
        models = {JOINT: composer.outputs["model"]}
    else:
        models = {
            RETRIEVAL: trainers[RETRIEVAL].outputs["model"],
            RANKING: composer.outputs["reranking_model"],
            RECOMMENDER: composer.outputs["model"],
        }
    # What each model is compared with.
    served = {name: make_served_model(name, config, model, ratings) for name, model in models.items()}
    evaluators = {
        name: make_evaluator(name, config, ratings, model, served[name], schema)
        for name, model in models.items()
    }
    probes = {
        name: ModelProbe(
            model,
            ratings,
            movies,
            ratings_statistics,
            transform.outputs["transformed_examples"],
            contract=CONTRACTS[name],
            settings=config.probe,
            hides_rated=config.retrieval.exclude_rated,
            code_fingerprint="".join(map(source_fingerprint, PROBE)),
        ).with_id(f"{name.capitalize()}Probe")
        for name, model in models.items()
    }
    pusher = make_pusher(config, models, served, evaluators, probes, ratings, movies, schema)

    nodes = [
        ratings_gen,
        movies_gen,
        ratings_statistics_gen,
        movies_statistics_gen,
        ratings_schema_gen,
        movies_schema_gen,
        ratings_schema,
        movies_schema,
        ratings_validator,
        movies_validator,
        data_gate,
        transform,
        *tuners.values(),
        *trainers.values(),
        composer,
        *served.values(),
        *evaluators.values(),
        *probes.values(),
        pusher,
    ]

    return Pipeline(
        pipeline_name=config.pipeline_name,
        pipeline_root=config.artifact_root,
        components=[*nodes, _report_gen(nodes, config)],
        enable_cache=True,
        metadata_connection_config=metadata_store_pb2.ConnectionConfig(
            sqlite=metadata_store_pb2.SqliteMetadataSourceConfig(
                filename_uri=config.metadata_path,
                connection_mode=metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE,
            )
        ),
        beam_pipeline_args=config.beam.pipeline_args(),
    )


def failure_report(pipeline: Pipeline, config: PipelineConfig) -> ReportGen:
    """The exit handler that reports on a run on Kubeflow in which a node failed."""
    nodes = [node for node in pipeline.components if not isinstance(node, ReportGen)]
    report_gen = _report_gen(nodes, config, exit_handler=True)
    report_gen.with_id("FailureReport")
    return report_gen


def _report_gen(nodes: Sequence[Any], config: PipelineConfig, *, exit_handler: bool = False) -> ReportGen:
    return ReportGen(
        nodes,
        # Where a run is sent does not change its report, and may hold secrets.
        config.model_dump(mode="json", exclude={"export"}),
        output_folder=None if "://" in config.output else config.output,
        exit_handler=exit_handler,
        code_fingerprint=source_fingerprint(REPORT_GEN) + templates_digest(),
    )
