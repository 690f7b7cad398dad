"""The list that clients get, on each user's last rating, which the pipeline never sees.

The last rating of each user is taken out of the raw files. For each seed the whole pipeline runs on the rest
with default settings, the local model server serves what it pushed, and a client requests everybody's list
over gRPC: the final list of the recommender, the order of retrieval, and the order of predicted ratings;
beside them the most rated movies. A list is measured over the whole catalogue by where it has the withheld
rating.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import Final

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks.measured_run import BenchmarkError, NodeCost, measure
from pipeline.config import PipelineConfig
from pipeline.fingerprint import source_fingerprint
from pipeline.local_run.run_lock import run_lock
from serving.client import ServingError
from studies.child import StudyError
from studies.data.split_data import SplitData
from studies.harness import Harness
from studies.served_list.lists import POPULARITY, RankedIds, names_of_users, popular_lists, served_lists
from studies.served_list.report import SeedLists, write_report
from studies.served_list.withheld import withhold_last

SUMMARY: Final = "the list that clients get, on ratings that the pipeline never saw"
EPILOG: Final = """\
examples:
  python -m studies served-list --data-dir data/ml-100k
  python -m studies served-list --data-dir data/ml-100k --seeds 42 43 44
"""
_LISTS_FILE: Final = "lists.json"
# What the lists come from: the nodes, what runs inside the trainers, and how the models are called.
_CODE: Final = (
    "pipeline.pipeline",
    "trainer_module.preprocessing",
    "trainer_module.retrieval.run_fn",
    "trainer_module.ranking.run_fn",
    "trainer_module.recommender.compose",
    "serving.model_server",
    "serving.client",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this study."""
    parser.add_argument(
        "--seeds", nargs="+", type=int, default=[42], help="of the pipeline's runs (default: 42)"
    )


def run(options: argparse.Namespace, harness: Harness) -> str:
    """Runs the pipeline for each seed, requests and measures the lists; returns the tables.

    Raises:
      StudyError: a run failed or pushed nothing, or a list could not be had. What was done before is kept.
    """
    harness.folder.mkdir(parents=True, exist_ok=True)
    with run_lock(harness.folder):
        folder = harness.folder / f"{harness.source.name}-without-last".replace(" ", "-")
        data = withhold_last(harness.source.path, folder)
        lists = {
            seed: _lists_of_seed(
                harness, data, PipelineConfig(seed=seed, data_dir=str(folder)), options.again
            )
            for seed in dict.fromkeys(options.seeds)
        }
        return write_report(harness.source.name, data, lists, harness.folder)


def _lists_of_seed(harness: Harness, data: SplitData, config: PipelineConfig, again: bool) -> SeedLists:
    """The lists of one run of the pipeline, or those that were kept of the same settings, data and code."""
    digest = _digest(config)
    work = harness.folder / f"seed-{config.seed}-{digest}"
    kept = work / _LISTS_FILE
    if again:
        shutil.rmtree(work, ignore_errors=True)
    if kept.is_file():
        harness.console.print(f"seed {config.seed}: kept", highlight=False)
    else:
        work.mkdir(exist_ok=True)
        config = config.model_copy(update={"output": str(work)})
        try:
            _run_pipeline(harness, config)
            harness.console.print(f"seed {config.seed}: lists of {len(data.evaluation):,} users over gRPC")
            found = served_lists(work / "serving", names_of_users(data))
        except (BenchmarkError, ServingError) as error:
            raise StudyError(f"seed {config.seed}: {error}") from error
        beside = kept.with_suffix(".new")
        beside.write_text(json.dumps(found), encoding="utf-8")
        beside.replace(kept)
    lists: dict[str, RankedIds] = json.loads(kept.read_text(encoding="utf-8"))
    return {**lists, POPULARITY: popular_lists(data, config.seed)}


def _digest(config: PipelineConfig) -> str:
    digest = hashlib.sha256(config.model_dump_json(exclude={"data_dir"}).encode())
    for path in sorted(Path(config.data_dir or "").iterdir()):
        digest.update(path.read_bytes())
    for module in _CODE:
        digest.update(source_fingerprint(module).encode())
    return digest.hexdigest()[:8]


def _run_pipeline(harness: Harness, config: PipelineConfig) -> None:
    console = harness.console
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("")

        def progress(node_id: str, cost: NodeCost | None) -> None:
            if cost is None:
                bar.reset(task, description=f"seed {config.seed}: {node_id}")
            else:
                console.print(f"seed {config.seed}: {node_id} {cost.state}, {cost.seconds:.0f} s")

        ended = measure(config, progress)
    if ended.notes:
        raise StudyError(f"seed {config.seed}: {'; '.join(ended.notes)}; see {config.output}")
