"""The DAG: wiring and nothing else.

TFX is imported by its parts: `tfx.v1` would load the Vertex AI client, 10 seconds that no node needs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.components import Evaluator, ExampleValidator, SchemaGen, StatisticsGen, Transform
from tfx.orchestration.pipeline import Pipeline
from tfx.types import BaseChannel

from components.atomic_pusher.component import AtomicPusher
from components.curated_schema_gen.component import CuratedSchemaGen
from components.data_gate.accepted import AcceptedData
from components.data_gate.component import DataGate
from components.model_probe.component import ModelProbe
from components.movielens_example_gen.component import MovieLensExampleGen
from components.recommender_composer.component import RecommenderComposer
from components.recommender_trainer.component import RecommenderTrainer
from components.recommender_tuner.component import RecommenderTuner
from components.report_gen.component import ReportGen
from components.served_model.component import ServedModel
from contracts import features
from contracts.artifacts import SERVED_MODEL
from contracts.features import MOVIES, RATINGS
from contracts.signatures import JOINT, RANKING, RECOMMENDER, RETRIEVAL
from pipeline.config import PipelineConfig
from pipeline.evaluation.eval_config import (
    EXTRACTORS,
    joint_eval_config,
    ranking_eval_config,
    recommender_eval_config,
    retrieval_eval_config,
)
from pipeline.fingerprint import source_fingerprint
from reports.page import templates_digest
from schema import MOVIES_SCHEMA, RATINGS_SCHEMA

EXAMPLE_GEN = "components.movielens_example_gen.executor"
DATA_GATE = "components.data_gate.executor"
PROBE = ("components.model_probe.executor", "components.model_probe.bare_process")
TRAINER = "components.recommender_trainer.executor"
COMPOSER = "components.recommender_composer.executor"
TUNER = "components.recommender_tuner.executor"
SERVED = "components.served_model.executor"
REPORT_GEN = "components.report_gen.executor"
PUSHER = "components.atomic_pusher.executor"
PREPROCESSING_FN = "trainer_module.preprocessing.preprocessing_fn"
RUN_FNS = {
    RETRIEVAL: "trainer_module.retrieval.run_fn.run_fn",
    RANKING: "trainer_module.ranking.run_fn.run_fn",
    JOINT: "trainer_module.joint.run_fn.run_fn",
}
COMPOSE_FN = "trainer_module.recommender.compose.compose_fn"
TUNER_FNS = {
    RETRIEVAL: "trainer_module.tuning.retrieval.tuner_fn",
    RANKING: "trainer_module.tuning.ranking.tuner_fn",
    JOINT: "trainer_module.tuning.joint.tuner_fn",
}
EVAL_CONFIGS = {
    RETRIEVAL: retrieval_eval_config,
    RANKING: ranking_eval_config,
    JOINT: joint_eval_config,
    RECOMMENDER: recommender_eval_config,
}
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
        name: _tuner(name, config, transform, movies) for name in config.tuning.models
    }
    trainers = {name: _trainer(name, config, transform, movies, tuners.get(name)) for name in config.models}
    composer = _composer(trainers)
    if JOINT in trainers:
        models = {JOINT: composer.outputs["model"]}
    else:
        models = {
            RETRIEVAL: trainers[RETRIEVAL].outputs["model"],
            RANKING: composer.outputs["reranking_model"],
            RECOMMENDER: composer.outputs["model"],
        }
    # What each model is compared with.
    served = {name: _served_model(name, config, model, ratings) for name, model in models.items()}
    evaluators = {
        name: _evaluator(name, config, ratings, model, served[name], schema) for name, model in models.items()
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
    pushers = [
        _pusher(name, config, model, served[name], evaluators[name], probes[name], ratings, movies, schema)
        for name, model in models.items()
    ]

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
        *pushers,
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
        config.model_dump(mode="json"),
        output_folder=None if "://" in config.output else config.output,
        exit_handler=exit_handler,
        code_fingerprint=source_fingerprint(REPORT_GEN) + templates_digest(),
    )


def _tuner(model: str, config: PipelineConfig, transform: Transform, movies: BaseChannel) -> RecommenderTuner:
    tuner_fn = TUNER_FNS[model]
    tuner = RecommenderTuner(
        examples=transform.outputs["transformed_examples"],
        movies=movies,
        transform_graph=transform.outputs["transform_graph"],
        tuner_fn=tuner_fn,
        custom_config={
            **_fit_config(model, config, source_fingerprint(tuner_fn) + source_fingerprint(TUNER)),
            "trials": config.tuning.trials,
            "search_dir": config.tuning_dir(model),
        },
    )
    tuner.with_id(f"{model.capitalize()}Tuner")
    return tuner


def _fit_config(model: str, config: PipelineConfig, code: str) -> dict[str, Any]:
    """What a fit goes by, as a Trainer and a Tuner get it."""
    found = {
        "hyperparameters": config.hyperparameters(model).model_dump(mode="json"),
        "seed": config.seed,
        "history_length": config.data.history_length,
        "code_fingerprint": code,
    }
    if model == RANKING:
        # The final order is fitted on ratings that both models hold out.
        rule, share = config.retrieval.validation, config.retrieval.validation_share
        found["list_validation"] = {"rule": rule, "share": share}
    return found


def _trainer(
    model: str,
    config: PipelineConfig,
    transform: Transform,
    movies: BaseChannel,
    tuner: RecommenderTuner | None,
) -> RecommenderTrainer:
    run_fn = RUN_FNS[model]
    trainer = RecommenderTrainer(
        examples=transform.outputs["transformed_examples"],
        movies=movies,
        transform_graph=transform.outputs["transform_graph"],
        run_fn=run_fn,
        custom_config=_fit_config(model, config, source_fingerprint(run_fn) + source_fingerprint(TRAINER)),
        hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
    )
    trainer.with_id(f"{model.capitalize()}Trainer")
    return trainer


def _composer(trainers: Mapping[str, RecommenderTrainer]) -> RecommenderComposer:
    retrieval, ranking = trainers.get(JOINT) or trainers[RETRIEVAL], trainers.get(RANKING)
    return RecommenderComposer(
        COMPOSE_FN,
        retrieval=retrieval.outputs["model"],
        retrieval_run=retrieval.outputs["model_run"],
        ranking=ranking.outputs["model"] if ranking else None,
        ranking_run=ranking.outputs["model_run"] if ranking else None,
        code_fingerprint=source_fingerprint(COMPOSE_FN) + source_fingerprint(COMPOSER),
    )


def _served_model(name: str, config: PipelineConfig, model: BaseChannel, ratings: BaseChannel) -> ServedModel:
    served = ServedModel(
        model=model,
        examples=ratings,
        base_directory=config.serving_dir(name),
        series=config.evaluation_series,
        replace_unreadable=[
            version for version in config.evaluation.replace_unreadable if version.startswith(f"{name}/")
        ],
        code_fingerprint=source_fingerprint(SERVED),
    )
    served.with_id(f"{name.capitalize()}ServedModel")
    return served


def _evaluator(
    name: str,
    config: PipelineConfig,
    examples: BaseChannel,
    model: BaseChannel,
    served: ServedModel,
    schema: BaseChannel,
) -> Evaluator:
    evaluator = Evaluator(
        examples=examples,
        example_splits=[features.EVAL_SPLIT],
        model=model,
        baseline_model=served.outputs[SERVED_MODEL],
        eval_config=EVAL_CONFIGS[name](config.evaluation, config.seed),
        module_path=EXTRACTORS,
        schema=schema,
    )
    evaluator.with_id(f"{name.capitalize()}Evaluator")
    return evaluator


def _pusher(
    name: str,
    config: PipelineConfig,
    model: BaseChannel,
    served: ServedModel,
    evaluator: Evaluator,
    probe: ModelProbe,
    ratings: BaseChannel,
    movies: BaseChannel,
    schema: BaseChannel,
) -> AtomicPusher:
    pusher = AtomicPusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=probe.outputs["infra_blessing"],
        evaluation=evaluator.outputs["evaluation"],
        served_model=served.outputs[SERVED_MODEL],
        base_directory=config.serving_dir(name),
        ratings=ratings,
        movies=movies,
        schema=schema,
        keep_versions=config.push.keep_versions,
        pinned_versions=config.push.pinned_versions,
        series=config.evaluation_series,
        measured_on=f"{features.EVAL_SPLIT} split, {config.data.split_name}, {config.data_name}",
        code={
            "preprocessing": source_fingerprint(PREPROCESSING_FN),
            "training": source_fingerprint(RUN_FNS.get(name, COMPOSE_FN)),
            "pushing": source_fingerprint(PUSHER),
        },
    )
    pusher.with_id(f"{name.capitalize()}Pusher")
    return pusher
