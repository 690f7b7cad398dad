"""The nodes that there is one of for each model, and which code each of them runs."""

from collections.abc import Mapping
from typing import Any

from tfx.components import Evaluator, Transform
from tfx.types import BaseChannel

from components.atomic_pusher.component import AtomicPusher, ServableInputs
from components.model_probe.component import ModelProbe
from components.recommender_composer.component import RecommenderComposer
from components.recommender_trainer.component import RecommenderTrainer
from components.recommender_tuner.component import RecommenderTuner
from components.served_model.component import ServedModel
from contracts import features
from contracts.artifacts import SERVED_MODEL
from contracts.signatures import JOINT, PUBLISHED_TOGETHER, RANKING, RECOMMENDER, RETRIEVAL
from pipeline.config import PipelineConfig
from pipeline.evaluation.eval_config import (
    EXTRACTORS,
    joint_eval_config,
    ranking_eval_config,
    recommender_eval_config,
    retrieval_eval_config,
)
from pipeline.fingerprint import source_fingerprint

TRAINER = "components.recommender_trainer.executor"
COMPOSER = "components.recommender_composer.executor"
TUNER = "components.recommender_tuner.executor"
SERVED = "components.served_model.executor"
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


def make_tuner(
    model: str, config: PipelineConfig, transform: Transform, movies: BaseChannel
) -> RecommenderTuner:
    """The search for hyperparameters of a model."""
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
    """The settings of a fit, as a Trainer and a Tuner get them."""
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


def make_trainer(
    model: str,
    config: PipelineConfig,
    transform: Transform,
    movies: BaseChannel,
    tuner: RecommenderTuner | None,
) -> RecommenderTrainer:
    """The fit of a model, with what its Tuner found if there is one."""
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


def make_composer(trainers: Mapping[str, RecommenderTrainer]) -> RecommenderComposer:
    """What makes one SavedModel of both stages."""
    retrieval, ranking = trainers.get(JOINT) or trainers[RETRIEVAL], trainers.get(RANKING)
    return RecommenderComposer(
        COMPOSE_FN,
        retrieval=retrieval.outputs["model"],
        retrieval_run=retrieval.outputs["model_run"],
        ranking=ranking.outputs["model"] if ranking else None,
        ranking_run=ranking.outputs["model_run"] if ranking else None,
        code_fingerprint=source_fingerprint(COMPOSE_FN) + source_fingerprint(COMPOSER),
    )


def make_served_model(
    name: str, config: PipelineConfig, model: BaseChannel, ratings: BaseChannel
) -> ServedModel:
    """The version that a model is compared with."""
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


def make_evaluator(
    name: str,
    config: PipelineConfig,
    examples: BaseChannel,
    model: BaseChannel,
    served: ServedModel,
    schema: BaseChannel,
) -> Evaluator:
    """What measures a model on the eval split and blesses it."""
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


def make_pusher(
    config: PipelineConfig,
    models: Mapping[str, BaseChannel],
    served: Mapping[str, ServedModel],
    evaluators: Mapping[str, Evaluator],
    probes: Mapping[str, ModelProbe],
    ratings: BaseChannel,
    movies: BaseChannel,
    schema: BaseChannel,
) -> AtomicPusher:
    """What publishes the models of a run together, if all of them are blessed."""
    pusher = AtomicPusher(
        {
            name: ServableInputs(
                model=models[name],
                base_directory=config.serving_dir(name),
                code={
                    "preprocessing": source_fingerprint(PREPROCESSING_FN),
                    "training": source_fingerprint(RUN_FNS.get(name, COMPOSE_FN)),
                    "pushing": source_fingerprint(PUSHER),
                },
                model_blessing=evaluators[name].outputs["blessing"],
                infra_blessing=probes[name].outputs["infra_blessing"],
                evaluation=evaluators[name].outputs["evaluation"],
                served_model=served[name].outputs[SERVED_MODEL],
            )
            for name in ((JOINT,) if JOINT in models else PUBLISHED_TOGETHER)
        },
        ratings=ratings,
        movies=movies,
        schema=schema,
        keep_versions=config.push.keep_versions,
        pinned_versions=config.push.pinned_versions,
        series=config.evaluation_series,
        measured_on=f"{features.EVAL_SPLIT} split, {config.data.split_name}, {config.data_name}",
    )
    pusher.with_id("Pusher")
    return pusher
