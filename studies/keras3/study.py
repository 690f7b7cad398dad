"""The same towers in TFRS on Keras 2 and in KerasRS on Keras 3: what the lists for users lose or win.

The last rating of each user is held out. A user tower and a movie tower over ids are fitted on the rest, by
each library in a process of its own, from the same initial weights over the same batches. The list of a user
ranks the whole catalogue without the movies of training.

KerasRS needs Keras 3, which the environment of the project does not have, and so an environment of its own:

  uv venv --python 3.11 keras3 && uv pip install --python keras3/bin/python tensorflow keras-rs
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.tables import markdown
from contracts.metrics import NDCG_AT, RECALL_AT
from studies import tables
from studies.child import StudyError
from studies.data.split_data import Floats, SplitData
from studies.harness import Harness
from studies.results import Row
from studies.scoring import ranked_lists, retrieval_metrics
from studies.served_list.withheld import withhold_last

SUMMARY: Final = "the same towers in TFRS on Keras 2 and in KerasRS on Keras 3: recall and NDCG over seeds"
EPILOG: Final = """\
examples:
  python -m studies keras3 --data-dir data/ml-100k --keras3-python keras3/bin/python
  python -m studies keras3 --keras3-python keras3/bin/python --epochs 3 --seeds 42
"""

_WORKER: Final = Path(__file__).with_name("towers.py")
_LIBRARIES: Final = {"TFRS, Keras 2": "tfrs", "KerasRS, Keras 3": "keras-rs"}
_DIM: Final = 64
_UNITS: Final = (64, 32)
_BATCH: Final = 1024
_LEARNING_RATE: Final = 0.003


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this study."""
    parser.add_argument(
        "--keras3-python",
        type=Path,
        required=True,
        metavar="FILE",
        help="the interpreter of an environment with tensorflow and keras-rs",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[42, 43, 44], help="default: 42 43 44")
    parser.add_argument("--epochs", type=int, default=5, help="default: 5")


def run(options: argparse.Namespace, harness: Harness) -> str:
    """Trains with both libraries for each seed, writes the table and returns it."""
    pythons = {"tfrs": Path(sys.executable), "keras-rs": options.keras3_python}
    versions = {name: _version(pythons[library], library) for name, library in _LIBRARIES.items()}
    harness.folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=harness.folder) as folder:
        data = withhold_last(harness.source.path, Path(folder, "rest"))
        for seed in options.seeds:
            task = Path(folder, "data.npz")
            np.savez(task, **training(data, seed, options.epochs))
            for name, library in _LIBRARIES.items():
                started = time.monotonic()
                users, movies = _train(pythons[library], library, task, harness.folder / "log.txt")
                seconds = time.monotonic() - started
                scores = users @ movies.T
                metrics = retrieval_metrics(data, ranked_lists(scores.__getitem__, data, seed))
                measured = {"seconds": seconds, **metrics}
                rows.append({"model": name, **{key: str(value) for key, value in measured.items()}})
                harness.console.print(
                    f"{name}, seed {seed}: recall@10 {metrics[RECALL_AT[10]]:.4f}, "
                    f"NDCG@10 {metrics[NDCG_AT[10]]:.4f}, {seconds:.0f} s"
                )
    title = f"{harness.source.name}, {len(data.evaluation)} held-out ratings, {options.epochs} epochs"
    return report(rows, versions, title, harness.folder)


def training(data: SplitData, seed: int, epochs: int) -> dict[str, Any]:
    """What `towers.py` reads: initial weights of both towers, batches, and how often movies are drawn."""
    random = np.random.default_rng(seed)
    train = data.train
    full = len(train) // _BATCH * _BATCH
    if not full:
        raise StudyError(f"{len(train)} ratings are fewer than a batch of {_BATCH}: take a larger data set")
    order = np.concatenate([random.permutation(len(train))[:full] for _ in range(epochs)])
    counts = np.bincount(train.movie, minlength=len(data.movie_ids))
    values: dict[str, Any] = {
        "user": train.user[order].reshape(-1, _BATCH).astype(np.int32),
        "movie": train.movie[order].reshape(-1, _BATCH).astype(np.int32),
        "probability": np.maximum(counts, 1) / len(train),
        "learning_rate": _LEARNING_RATE,
    }
    for side, rows in (("users", len(data.user_ids)), ("movies", len(data.movie_ids))):
        for place, shape in enumerate(_shapes(rows)):
            values[f"{side}_{place}"] = _initial(shape, random)
    return values


def report(rows: list[Row], versions: dict[str, str], title: str, folder: Path) -> str:
    """Writes `results.md`.

    Args:
      rows: a library and seed each.
      versions: of each library, for people.
      title: data and settings.
      folder: of the study.
    """
    body = [
        [
            f"{name} ({versions[name]})",
            str(len(group)),
            tables.mean_and_deviation(group, RECALL_AT[10]),
            tables.mean_and_deviation(group, NDCG_AT[10]),
            f"{tables.mean(group, 'seconds'):.0f}",
        ]
        for name, group in tables.by_model(rows).items()
    ]
    table = markdown(["towers", "seeds", "recall@10", "NDCG@10", "process, s"], body)
    tables.write_page(folder / "results.md", "Towers in Keras 2 and Keras 3", [(title, table)])
    return (folder / "results.md").read_text(encoding="utf-8")


def _shapes(rows: int) -> list[tuple[int, ...]]:
    shapes: list[tuple[int, ...]] = [(rows, _DIM)]
    for before, units in zip((_DIM, *_UNITS), _UNITS, strict=False):
        shapes += [(before, units), (units,)]
    return shapes


def _initial(shape: tuple[int, ...], random: np.random.Generator) -> Any:
    """Glorot's uniform draw; zeros of a bias."""
    if len(shape) == 1:
        return np.zeros(shape, np.float32)
    limit = np.sqrt(6 / sum(shape))
    return random.uniform(-limit, limit, shape).astype(np.float32)


def _environment() -> dict[str, str]:
    """Of a child: what selects Keras 2 in this process must not reach the other one."""
    return {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}


def _version(python: Path, library: str) -> str:
    packages = ("tensorflow", "tensorflow-recommenders") if library == "tfrs" else ("keras", "keras-rs")
    code = f"from importlib.metadata import version; print(*map(version, {packages}))"
    try:
        done = subprocess.run(
            [python, "-c", code], capture_output=True, text=True, check=True, env=_environment()
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise StudyError(
            f"{python} is not an interpreter with {' and '.join(packages)}; "
            "`python -m studies keras3 --help` has the command that makes one"
        ) from error
    return ", ".join(" ".join(pair) for pair in zip(packages, done.stdout.split(), strict=True))


def _train(python: Path, library: str, task: Path, log: Path) -> tuple[Floats, Floats]:
    """The embeddings of all users and of all movies."""
    output = task.with_name(f"{library}.npz")
    with log.open("a", encoding="utf-8") as stream:
        done = subprocess.run(
            [python, _WORKER, library, task, output],
            stdout=stream,
            stderr=stream,
            check=False,
            env=_environment(),
        )
    if done.returncode:
        raise StudyError(f"{library} with {python} failed; log: {log}")
    with np.load(output) as arrays:
        return arrays["users"], arrays["movies"]
