"""The work of `RecommenderComposer`."""

import posixpath
from dataclasses import dataclass
from typing import Any, Final

from tfx import types
from tfx.components.util import udf_utils
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from contracts.artifacts import FINAL_ORDER_FILE

RETRIEVAL_KEY: Final = "retrieval"
RETRIEVAL_RUN_KEY: Final = "retrieval_run"
RANKING_KEY: Final = "ranking"
RANKING_RUN_KEY: Final = "ranking_run"
MODEL_KEY: Final = "model"
RERANKING_KEY: Final = "reranking_model"
COMPOSE_FN_KEY: Final = "compose_fn"
CODE_FINGERPRINT_KEY: Final = "code_fingerprint"
# What the console shows of the node.
SUMMARY_PROPERTY: Final = "summary"


@dataclass(frozen=True)
class ComposerFnArgs:
    """The arguments of a `compose_fn`; see `trainer_module.recommender.compose.ComposerArgs`."""

    retrieval_model: str
    ranking_model: str
    retrieval_run: str
    ranking_run: str
    serving_model_dir: str
    ranking_model_dir: str | None
    record_file: str


class RecommenderComposerExecutor(base_executor.BaseExecutor):
    """Hands the models to the `compose_fn`."""

    def Do(  # noqa: N802 - the base class's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the composed models.

        Args:
          input_dict: trained models and what their training left.
          output_dict: `model` and, for separate stages, `reranking_model`.
          exec_properties: those of `RecommenderComposer`.
        """
        separate = bool(input_dict.get(RANKING_KEY))
        retrieval = artifact_utils.get_single_instance(input_dict[RETRIEVAL_KEY])
        retrieval_run = artifact_utils.get_single_instance(input_dict[RETRIEVAL_RUN_KEY])
        ranking, ranking_run = retrieval, retrieval_run
        if separate:
            ranking = artifact_utils.get_single_instance(input_dict[RANKING_KEY])
            ranking_run = artifact_utils.get_single_instance(input_dict[RANKING_RUN_KEY])
        model = artifact_utils.get_single_instance(output_dict[MODEL_KEY])
        reranking_dir = None
        if separate:
            reranking = artifact_utils.get_single_instance(output_dict[RERANKING_KEY])
            reranking_dir = path_utils.serving_model_dir(reranking.uri)
        record = udf_utils.get_fn(exec_properties, COMPOSE_FN_KEY)(
            ComposerFnArgs(
                retrieval_model=_saved_model(retrieval),
                ranking_model=_saved_model(ranking),
                retrieval_run=retrieval_run.uri,
                ranking_run=ranking_run.uri,
                serving_model_dir=path_utils.serving_model_dir(model.uri),
                ranking_model_dir=reranking_dir,
                record_file=posixpath.join(model.uri, FINAL_ORDER_FILE),
            )
        )
        model.set_string_custom_property(SUMMARY_PROPERTY, _summary(record))


def _saved_model(model: types.Artifact) -> str:
    path: str = path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
    return path


def _summary(record: dict[str, Any]) -> str:
    found = record["validation"]
    values = [found[order]["graded_ndcg@10"] for order in ("final_order", "retrieval_order")]
    return (
        f"weight of the predicted rating {record['weight']:g}, validation graded_ndcg@10 "
        f"{values[0]:.3f} (retrieval order {values[1]:.3f})"
    )
