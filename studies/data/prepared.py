"""A split, made once by the pipeline's own nodes up to Transform and kept in the work folder."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pipeline.config import PipelineConfig
from pipeline.data_source import DataSource
from pipeline.fingerprint import source_fingerprint
from studies.child import OnProgress, run_child
from studies.data.splits import SPLITS

PREPARED_FILE: Final = "prepared.json"
ARRAYS_FILE: Final = "ratings.npz"
_WORKER: Final = "studies.data.prepare_worker"
# What makes the Examples and what transforms them.
_CODE: Final = ("components.movielens_example_gen.executor", "trainer_module.preprocessing.preprocessing_fn")


@dataclass(frozen=True)
class PreparedSplit:
    """Where the parts of a split are.

    Attributes:
      data: what the data is called.
      name: of the split, a key of `SPLITS`.
      split: its rule, as the ExampleGen calls it.
      made_from: digest of the settings, the raw files and the code.
      arrays: `SplitData` as a file.
      raw_eval: pattern of the eval Examples as the Evaluator reads them.
      train, evaluation: patterns of the transformed Examples.
      movies: pattern of the `movies` Examples.
      transform_graph: what Transform fitted.
      history_length: movies of history in an Example.
    """

    data: str
    name: str
    split: str
    made_from: str
    arrays: str
    raw_eval: str
    train: str
    evaluation: str
    movies: str
    transform_graph: str
    history_length: int

    def write(self, folder: Path) -> None:
        """Writes itself, whole or not at all."""
        path = folder / PREPARED_FILE
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")
        os.replace(beside, path)


def prepare(source: DataSource, name: str, work: Path, on_progress: OnProgress) -> PreparedSplit:
    """Makes a split, or finds the one that was made from the same files by the same code.

    Args:
      source: the raw files.
      name: a key of `SPLITS`.
      work: the work folder; the split goes below `splits/`.
      on_progress: is called with each line of progress.

    Raises:
      StudyError: a node failed, for example because the data gate refused the data.
    """
    settings = SPLITS[name]
    folder = work / "splits" / _file_name(source.name) / name
    folder.mkdir(parents=True, exist_ok=True)
    config = PipelineConfig(output=str(folder), data_dir=str(source.path), data=settings)
    made_from = _digest(config, source.path)
    found = _find(folder)
    if found is not None and found.made_from == made_from:
        return found
    on_progress(f"preparing {name}")
    task = {
        "config": config.model_dump(mode="json"),
        "data": source.name,
        "name": name,
        "made_from": made_from,
    }
    run_child(_WORKER, task, folder / "prepare.log", on_progress)
    made = _find(folder)
    assert made is not None
    return made


def _find(folder: Path) -> PreparedSplit | None:
    try:
        values: dict[str, Any] = json.loads((folder / PREPARED_FILE).read_text(encoding="utf-8"))
        return PreparedSplit(**values)
    except (FileNotFoundError, ValueError, TypeError):
        return None  # None yet, or from another version of the project.


def _digest(config: PipelineConfig, folder: Path) -> str:
    files = sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir())
    parts = [config.data.model_dump_json(), files, [source_fingerprint(module) for module in _CODE]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _file_name(title: str) -> str:
    return title.replace(" ", "-")
