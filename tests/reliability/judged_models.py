"""Whole models that are broken in known ways, and the verdict of the real Evaluator.

A model comes out of the real `run_fn`, over the Examples of a run of the small sample. What is broken is the
data that the fit gets or the weights that it leaves, or the answers of a good model by user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
import tensorflow as tf
from tfx.components.evaluator.executor import Executor
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts
from tfx.utils.proto_utils import proto_to_json

from contracts import features, signatures
from pipeline.evaluation.eval_config import EXTRACTORS, ranking_eval_config, retrieval_eval_config
from reports.reading.evaluation_results import EvaluationSummary, read_metrics
from tests.pipeline_run import PipelineRun
from trainer_module.common.training_setup import CODE_FINGERPRINT, HISTORY_LENGTH, HYPERPARAMETERS, SEED
from trainer_module.ranking import fit as ranking_fit
from trainer_module.ranking import run_fn
from trainer_module.retrieval import run_fn as retrieval

RUN_FNS: Final = {"retrieval": retrieval.run_fn, "ranking": run_fn.run_fn}
# Where each calls `fit`.
FITTING: Final = {"retrieval": retrieval, "ranking": ranking_fit}
EVAL_CONFIGS: Final = {"retrieval": retrieval_eval_config, "ranking": ranking_eval_config}
# Those of the small sample, with few epochs.
FITS: Final = {
    # A second fit on all ratings would mend what the first one broke.
    "retrieval": {"batch_size": 128, "learning_rate": 0.003, "epochs": 2, "refit": False},
    "ranking": {"batch_size": 512, "epochs": 2},
}

Batch = Mapping[str, tf.Tensor]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """What an Evaluator decided."""

    blessed: bool
    summary: EvaluationSummary

    def gives_reason(self, words: str) -> bool:
        """Whether one of the reasons holds these words."""
        return any(words in reason for reason in self.summary.reasons)


@dataclass(frozen=True)
class Workshop:
    """Makes models over what a run has left, and has them judged."""

    run: PipelineRun
    folder: Path

    def _output(self, node: str, channel: str) -> Path:
        """The first artifact of a channel."""
        folders = (self.run.output / "artifacts" / node / channel).iterdir()
        return min(folders, key=lambda folder: int(folder.name))

    def good(self, name: str) -> Path:
        """The model that the run trained."""
        return self._output(f"{name.capitalize()}Trainer", "model") / "Format-Serving"

    def trained(
        self,
        name: str,
        monkeypatch: pytest.MonkeyPatch,
        data: Callable[[Batch], Batch] | None = None,
        weights: Callable[[tf.Variable], Any] | None = None,
        **hyperparameters: object,
    ) -> Path:
        """A model of the real `run_fn` whose fit got changed batches, or its weights changed behind it."""
        fitting = FITTING[name]
        fit = fitting.fit

        def broken_fit(model: Any, train: tf.data.Dataset, *rest: Any, **more: Any) -> Any:
            found = fit(model, train if data is None else train.map(data), *rest, **more)
            if weights is not None:
                for weight in model.trainable_variables:
                    weight.assign(weights(weight))
            return found

        monkeypatch.setattr(fitting, "fit", broken_fit)
        transform = self._output("Transform", "transform_graph")
        examples = self._output("Transform", "transformed_examples")
        movies = self._output("MoviesGen", "examples")
        made = self.folder / f"made-{len(list(self.folder.glob('made-*')))}"
        RUN_FNS[name](
            SimpleNamespace(
                train_files=[str(examples / "Split-train" / "*")],
                eval_files=[str(examples / "Split-eval" / "*")],
                movie_files=[str(movies / "Split-all" / "*")],
                transform_graph_path=str(transform),
                serving_model_dir=str(made / "Format-Serving"),
                model_run_dir=str(made / "run"),
                hyperparameters=None,
                custom_config={
                    HYPERPARAMETERS: {**FITS[name], **hyperparameters},
                    SEED: 42,
                    HISTORY_LENGTH: 50,
                    CODE_FINGERPRINT: "",
                },
            )
        )
        return made / "Format-Serving"

    def eval_rows(self) -> list[Row]:
        """User, movie and gender of each row of the eval split."""
        spec = {
            name: tf.io.FixedLenFeature([], tf.string)
            for name in (features.USER_ID, features.MOVIE_ID, features.USER_GENDER)
        }
        files = [str(path) for path in (self._output("RatingsGen", "examples") / "Split-eval").iterdir()]
        records = list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())
        columns = {name: values.numpy() for name, values in tf.io.parse_example(records, spec).items()}
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def judge(self, name: str, model: Path, evaluation: Any, served: Path | None = None) -> Judged:
        """Runs the Evaluator's own executor; without `served` the candidate stands in for it."""
        folder = self.folder / f"judged-{len(list(self.folder.glob('judged-*')))}"
        inputs = {
            "examples": standard_artifacts.Examples(),
            "schema": standard_artifacts.Schema(),
            "model": standard_artifacts.Model(),
            "baseline_model": standard_artifacts.Model(),
        }
        outputs = {
            "evaluation": standard_artifacts.ModelEvaluation(),
            "blessing": standard_artifacts.ModelBlessing(),
        }
        inputs["examples"].split_names = '["train", "eval"]'
        for key, uri in {
            "examples": self._output("RatingsGen", "examples"),
            "schema": self._output("RatingsSchema", "schema"),
            "model": model.parent,
            "baseline_model": (served or model).parent,
        }.items():
            inputs[key].uri = str(uri)
        for key, artifact in outputs.items():
            artifact.uri = str(folder / key)
        context = BaseBeamExecutor.Context(
            beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"],
            tmp_dir=str(folder / "tmp"),
            unique_id="1",
        )
        Executor(context).Do(
            {key: [artifact] for key, artifact in inputs.items()},
            {key: [artifact] for key, artifact in outputs.items()},
            {
                "eval_config": proto_to_json(EVAL_CONFIGS[name](evaluation)),
                "example_splits": '["eval"]',
                "module_path": EXTRACTORS,
            },
        )
        return Judged((folder / "blessing" / "BLESSED").exists(), read_metrics(outputs["evaluation"].uri))

    def answering(self, name: str, by_user: Mapping[bytes, Any], output: str) -> Path:
        """The good model with other answers for some users, in a SavedModel of its own."""
        folder = self.folder / f"answering-{len(list(self.folder.glob('answering-*')))}" / "Format-Serving"
        model = _Answering(self.good(name), by_user, output)
        tf.saved_model.save(model, str(folder), signatures={signatures.EVALUATE: model.evaluate})
        return folder


class _Answering(tf.Module):
    """A SavedModel whose signature `evaluate` looks up one output by user where a table has the user.

    Args:
      model: folder of the SavedModel.
      by_user: a ranked list by user id, all of one length, or stars to add to its predictions.
      output: `movie_id` or `user_rating`.
    """

    def __init__(self, model: Path, by_user: Mapping[bytes, Any], output: str) -> None:
        super().__init__()
        self._model, self._output = tf.saved_model.load(str(model)), output
        self._rows = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                list(by_user), list(range(len(by_user))), tf.string, tf.int32
            ),
            default_value=-1,
        )
        self._table = tf.constant(list(by_user.values()))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def evaluate(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        found = dict(self._model.signatures[signatures.EVALUATE](examples=examples))
        spec = {features.USER_ID: tf.io.FixedLenFeature([], tf.string)}
        rows = self._rows[tf.io.parse_example(examples, spec)[features.USER_ID]]
        looked_up, own = tf.gather(self._table, tf.maximum(rows, 0)), found[self._output]
        if self._output == features.USER_RATING:
            found[self._output] = tf.where(rows >= 0, own + looked_up, own)
        else:
            found[self._output] = tf.where(rows[:, tf.newaxis] >= 0, looked_up, own)
        return found


def lists_of(workshop: Workshop, users: Sequence[bytes]) -> dict[bytes, list[bytes]]:
    """The good retrieval model's ranked list of each user."""
    loaded = tf.saved_model.load(str(workshop.good("retrieval")))
    examples = []
    for user in users:
        example = tf.train.Example()
        for name, value in ((features.USER_ID, user), (features.MOVIE_ID, b"1")):
            example.features.feature[name].bytes_list.value.append(value)
        examples.append(example.SerializeToString())
    found = loaded.signatures[signatures.EVALUATE](examples=tf.constant(examples))
    return dict(zip(users, found[features.MOVIE_ID].numpy().tolist(), strict=True))
