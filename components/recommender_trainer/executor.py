"""The work of `RecommenderTrainer`."""

from typing import Any

from tfx import types
from tfx.components.trainer import executor, fn_args_utils
from tfx.types import artifact_utils
from tfx.utils import io_utils

# The input channel of the catalogue.
MOVIES_KEY = "movies"


class RecommenderTrainerExecutor(executor.GenericExecutor):
    """The stock Trainer's executor, which hands the `run_fn` the catalogue's files too."""

    def _GetFnArgs(  # noqa: N802 - the stock executor's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> fn_args_utils.FnArgs:
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        fn_args.movie_files = movie_files(input_dict)
        return fn_args


def movie_files(input_dict: dict[str, list[types.Artifact]]) -> list[str]:
    """The file patterns of the catalogue's Examples, all splits."""
    movies = artifact_utils.get_single_instance(input_dict[MOVIES_KEY])
    splits = artifact_utils.decode_split_names(movies.split_names)
    return [io_utils.all_files_pattern(artifact_utils.get_split_uri([movies], split)) for split in splits]
