"""A `run_fn` that writes down what it was given."""

import json
from pathlib import Path

from trainer_module.common.inputs import TrainerArgs

ARGUMENTS = "arguments.json"


def run_fn(fn_args: TrainerArgs) -> None:
    arguments = {name: getattr(fn_args, name) for name in TrainerArgs.__annotations__}
    folder = Path(fn_args.serving_model_dir)
    folder.mkdir(parents=True)
    (folder / ARGUMENTS).write_text(json.dumps(arguments))


def silent_run_fn(fn_args: TrainerArgs) -> None:
    """Trains nothing and writes nothing."""
