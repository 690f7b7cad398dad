"""The work of `RecommenderTuner`."""

from typing import Any

from tfx import types
from tfx.components.trainer import fn_args_utils
from tfx.components.tuner.executor import write_best_hyperparameters
from tfx.components.util import udf_utils
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils, standard_component_specs

from components.recommender_trainer.executor import movie_files

# What the console shows of the node.
SUMMARY_PROPERTY = "summary"


class TuningError(RuntimeError):
    """No trial of a search has ended well."""


class RecommenderTunerExecutor(base_executor.BaseExecutor):
    """The stock Tuner's work, with the catalogue's files for the `tuner_fn`."""

    def Do(  # noqa: N802 - the stock executor's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Searches, and writes the best hyperparameters and every trial.

        Raises:
          TuningError: no trial has ended well.
        """
        fn_args = fn_args_utils.get_common_fn_args(input_dict, exec_properties, self._get_tmp_dir())
        fn_args.movie_files = movie_files(input_dict)
        made = udf_utils.get_fn(exec_properties, "tuner_fn")(fn_args)
        made.tuner.search(**made.fit_kwargs)
        ended = list(made.tuner.oracle.trials.values())
        if not any(trial.status == "COMPLETED" for trial in ended):
            reasons = {_reason(trial.message or "") for trial in ended}
            raise TuningError(f"none of {len(ended)} trials has ended well: {'; '.join(sorted(reasons))}")
        write_best_hyperparameters(made.tuner, output_dict)
        best = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.BEST_HYPERPARAMETERS_KEY]
        )
        best.set_string_custom_property(SUMMARY_PROPERTY, f"{made.tuner.best} of {len(ended)}")


def _reason(trace: str) -> str:
    """The message in the last line of a trial's traceback, without the kind of error."""
    line = trace.strip().rpartition("\n")[2]
    return line.partition(": ")[2] or line
