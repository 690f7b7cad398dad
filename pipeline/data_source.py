"""Finds the raw ratings of a run: a folder, a data set to download, or the embedded synthetic sample."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from contracts.artifacts import SYNTHETIC_MARKER
from movielens import locate, sample
from movielens.check import ignored_columns
from movielens.identity import content_identity
from movielens.layouts import detect_layout
from movielens.records import DatasetError
from pipeline.config import PipelineConfig

__all__ = ["DATA_VARIABLE", "DataSource", "DatasetError", "find_data", "with_source"]

# The environment variable that can stand for `data_dir`.
DATA_VARIABLE: Final = locate.MOVIELENS_DIR


@dataclass(frozen=True)
class DataSource:
    """Where the raw files are and what to call them.

    Attributes:
      path: absolute folder with the files of one MovieLens layout.
      name: for titles, for example `ml-100k`, or `synthetic sample`.
      synthetic: the ratings are made up, so a metric of theirs does not describe people.
      ignored: columns of its files that are not read, by file.
    """

    path: Path
    name: str
    synthetic: bool
    ignored: Mapping[str, Sequence[str]] = field(default_factory=dict)


def find_data(config: PipelineConfig) -> DataSource:
    """Finds the data that `config` names; downloads it or writes the sample where it is not there yet.

    Raises:
      DatasetError: there is no such folder, it does not hold a MovieLens data set, the download fails, or the
        sample cannot be made.
    """
    data_dir = None if config.data_dir is None else Path(config.data_dir).expanduser()
    below = Path(config.output) / "unpacked"
    found = locate.locate(config.dataset, data_dir, unpack_below=below)
    path = (found or _embedded_sample(config)).resolve()
    layout = detect_layout([file.name for file in path.iterdir()], str(path))
    return DataSource(
        path,
        locate.dataset_label(path),
        (path / SYNTHETIC_MARKER).is_file(),
        ignored_columns(path, layout),
    )


def with_source(config: PipelineConfig, source: DataSource) -> PipelineConfig:
    """The configuration of a run on `source`: with its folder, and the series that its content makes up."""
    gate = config.data_gate
    if gate.series is None:
        gate = gate.model_copy(update={"series": content_identity(source.path)})
    return config.model_copy(update={"data_dir": str(source.path), "data_gate": gate})


def _embedded_sample(config: PipelineConfig) -> Path:
    size = config.sample
    spec = sample.SampleSpec.sized(size.ratings, seed=size.seed)
    folder = Path(config.output) / f"sample-{spec.ratings}-{spec.users}-{spec.movies}-{spec.seed}"
    if not (folder / SYNTHETIC_MARKER).is_file():
        sample.write_sample(spec, folder)
    return folder
