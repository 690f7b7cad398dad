"""Seconds and peak memory of the pipeline, node by node: `python -m benchmarks --help`."""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks import tables
from benchmarks.measured_run import BenchmarkError, NodeCost, RunCost, measure
from movielens.sample import SampleSpec, write_sample
from pipeline.config import ConfigError, PipelineConfig, load_config
from pipeline.data_source import DatasetError, find_data

# Seconds for ML-100k on two idle cores.
FRESH_THRESHOLD, UNCHANGED_THRESHOLD = 150, 40
# How many times as fast as the tutorial's an epoch has to be, and the settings that are measured.
FASTER_THRESHOLD = 3
TRAINING_PRESET: Final = "best_random"
SIZES: Final = (100_000, 1_000_000, 10_000_000)
LAST_NODE: Final = "Transform"
# The nodes that read every rating; the others look at statistics, schemas or movies.
DATA_NODES: Final = ("RatingsGen", "RatingsStatistics", LAST_NODE)

_EXAMPLES: Final = """\
examples:
  python -m benchmarks                               the same as `python -m benchmarks run`
  python -m benchmarks run --data-dir data/ml-100k   the whole pipeline, then again with nothing changed
  python -m benchmarks scale                         up to Transform, for 100 thousand to 10 million ratings
  python -m benchmarks scale --ratings 100000 --set 'beam.args=[--direct_num_workers=2]'
  python -m benchmarks training --data-dir data/ml-100k   retrieval beside the loop of TFRS's tutorial

Progress goes to standard error, the results as Markdown to standard output.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one benchmark; returns 0 if it could be measured, whatever came out."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(given or ["run"])
    try:
        with _folder(options.output) as folder:
            options.run(options, folder)
    except (BenchmarkError, ConfigError, DatasetError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure seconds and peak memory (resident, of the process and its children) per node.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides", help="override a setting"
    )
    shared.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="new or empty folder to write to and keep (default: a temporary one, deleted in the end)",
    )

    command = commands.add_parser(
        "run", parents=[shared], help="a fresh run of the whole pipeline, and one with nothing changed"
    )
    command.add_argument("--dataset", metavar="NAME", help="MovieLens data set to download, such as ml-100k")
    command.add_argument(
        "--data-dir", metavar="DIR", help="raw MovieLens files (default: MOVIELENS_DIR, else the sample)"
    )
    command.set_defaults(run=_run)

    command = commands.add_parser(
        "scale", parents=[shared], help=f"up to and including {LAST_NODE}, for growing synthetic samples"
    )
    command.add_argument(
        "--ratings", type=int, nargs="+", default=SIZES, metavar="N", help="sizes (100000 1000000 10000000)"
    )
    command.set_defaults(run=_scale)

    command = commands.add_parser(
        "training",
        parents=[shared],
        help="an epoch of retrieval training beside one of the TensorFlow Recommenders tutorial",
    )
    command.add_argument("--dataset", metavar="NAME", help="MovieLens data set to download, such as ml-100k")
    command.add_argument(
        "--data-dir", metavar="DIR", help="raw MovieLens files (default: MOVIELENS_DIR, else the sample)"
    )
    command.set_defaults(run=_training)
    return parser


def _run(options: argparse.Namespace, folder: Path) -> None:
    config = load_config(None, options.overrides).model_copy(
        update={"output": str(folder), "dataset": options.dataset, "data_dir": options.data_dir}
    )
    source = find_data(config)
    data = f"{source.name}, split {config.data.split}"
    config = config.model_copy(update={"data_dir": str(source.path)})
    fresh = _measure(f"fresh run, {data}", config)
    unchanged = _measure(f"nothing changed, {data}", config)
    print(f"\n{data}, {_machine()}")
    for title, run, threshold in (
        ("Fresh run", fresh, FRESH_THRESHOLD),
        ("Run again, nothing changed", unchanged, UNCHANGED_THRESHOLD),
    ):
        verdict = "within" if run.seconds <= threshold else "above"
        print(f"\n{title}: {run.seconds:.1f} s, {verdict} the {threshold} s for ML-100k on two idle cores\n")
        print(tables.node_table(run))
        for note in run.notes:
            print(f"\nNote: {note}")


def _scale(options: argparse.Namespace, folder: Path) -> None:
    runs: dict[int, RunCost] = {}
    for ratings in options.ratings:
        output = folder / str(ratings)
        # The folder is written here because MOVIELENS_DIR must not take the sample's place.
        config = load_config(None, options.overrides).model_copy(
            update={"output": str(output), "data_dir": str(output / "sample")}
        )
        print(f"writing a synthetic sample of {ratings:,} ratings", file=sys.stderr)
        write_sample(SampleSpec.sized(ratings, seed=config.sample.seed), output / "sample")
        runs[ratings] = _measure(f"synthetic sample, {ratings:,} ratings", config, LAST_NODE)
        if options.output is None:
            shutil.rmtree(output)  # Ten million ratings fill gigabytes.
    print(f"\nsynthetic samples up to and including {LAST_NODE}, {_machine()}")
    for ratings, run in runs.items():
        print(f"\n{ratings:,} ratings\n\n{tables.node_table(run)}")
    print(f"\nAll sizes, seconds / peak MB\n\n{tables.scale_table(runs, DATA_NODES)}")


def _training(options: argparse.Namespace, folder: Path) -> None:
    rule = ["data.split=random", "data.random_rule=permutation"]
    config = load_config(None, [*rule, *options.overrides], TRAINING_PRESET).model_copy(
        update={"output": str(folder), "dataset": options.dataset, "data_dir": options.data_dir}
    )
    source = find_data(config)
    config = config.model_copy(update={"data_dir": str(source.path)})
    _measure(f"{source.name} up to {LAST_NODE}", config, LAST_NODE)
    settings = {
        "retrieval": config.retrieval.model_dump(),
        "seed": config.seed,
        "history_length": config.data.history_length,
    }
    print("training the tutorial's model, then ours", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.training", str(folder), json.dumps(settings)],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"the training process ended with status {done.returncode}")
    results = json.loads(done.stdout.splitlines()[-1])
    print(f"\n{source.name}, split {config.data.split}, {_machine()}\n\n{tables.training_table(results)}")
    ratio = results["tutorial"]["epoch_seconds"] / results["ours"]["epoch_seconds"]
    verdict = "within" if ratio >= FASTER_THRESHOLD else "below"
    print(f"\nOurs is {ratio:.1f} times as fast per epoch, {verdict} the threshold of {FASTER_THRESHOLD}.")


def _measure(title: str, config: PipelineConfig, last_node: str | None = None) -> RunCost:
    console = Console(stderr=True, highlight=False)
    console.print(title, markup=False)
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("")

        def progress(node_id: str, cost: NodeCost | None) -> None:
            if cost is None:
                bar.reset(task, description=node_id)
            else:
                megabytes = f"{cost.peak / 1e6:9,.0f} MB"
                text = f"{node_id:<20} {cost.state:<6} {cost.seconds:8.1f} s {megabytes}"
                console.print(text, markup=False)

        return measure(config, progress, last_node)


def _machine() -> str:
    load = os.getloadavg()[0]
    memory = psutil.virtual_memory().total / 1e9
    return f"{os.cpu_count()} cores, {memory:.0f} GB, load {load:.1f} at the end"


@contextlib.contextmanager
def _folder(output: Path | None) -> Iterator[Path]:
    """`output`, or a temporary folder that outlives only a run that failed, for its log."""
    if output is not None:
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise BenchmarkError(f"{output} is already there: name a new folder, or remove it first")
        yield output.absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-"))
    kept = False
    try:
        yield folder
    except BenchmarkError:
        kept = True
        raise
    finally:
        if not kept:
            shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
