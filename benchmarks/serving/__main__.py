"""Serving under measurement: `python -m benchmarks.serving --help`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import psutil
from rich.console import Console

from benchmarks.measured_run import BenchmarkError
from benchmarks.tables import markdown
from serving.batch_models import ModelError
from serving.client import ServingError

if TYPE_CHECKING:
    from benchmarks.serving.index_scale import Scale
    from benchmarks.serving.load_generators import GeneratorCell
    from benchmarks.serving.swaps import SwapRun

MOVIES: Final = (100_000, 1_000_000)
_EXAMPLES: Final = """\
examples:
  python -m benchmarks.serving load --models runs/serving
  python -m benchmarks.serving load --models runs/serving --seconds 60 -- --request_threads=2
  python -m benchmarks.serving generators --models runs/serving --ghz ~/go/bin/ghz
  python -m benchmarks.serving index
  python -m benchmarks.serving index --movies 100000

Progress goes to standard error, the results as Markdown to standard output.
"""

Log = Callable[[str], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one benchmark; returns 0 if it could be measured, whatever came out."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    given, flags = _split(given)
    options = _parser().parse_args(given)
    console = Console(stderr=True, highlight=False)
    try:
        with _folder(options.output) as folder:
            options.run(options, folder, flags, lambda text: console.print(text, markup=False))
    except (BenchmarkError, ModelError, ServingError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What is behind a lone `--` is for the server."""
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving",
        description="Measure client and server, by ghz too, version swaps, and the partitioned index.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--output", type=Path, metavar="DIR", help="folder for models and indexes (default: a temporary one)"
    )
    shared.add_argument(
        "--seconds-per-cell", type=float, default=1.5, metavar="N", help="of each latency (%(default)g)"
    )
    served = argparse.ArgumentParser(add_help=False, parents=[shared])
    served.add_argument(
        "--models",
        type=Path,
        metavar="DIR",
        default=Path("runs/serving"),
        help="the folder that a run pushed to (%(default)s)",
    )
    command = commands.add_parser(
        "load",
        parents=[served],
        help="latencies beside the floor, and swaps under load; flags of the server behind --",
    )
    command.add_argument(
        "--seconds", type=float, default=30.0, metavar="N", help="of swaps under load (%(default)g)"
    )
    command.add_argument("--swaps-only", action="store_true", help="leave out the latencies")
    command.set_defaults(run=_load)
    command = commands.add_parser(
        "generators",
        parents=[served],
        help="the list in one call, by ghz and by this benchmark; flags of the server behind --",
    )
    command.add_argument(
        "--ghz", type=Path, metavar="FILE", default=Path("ghz"), help="the program (%(default)s)"
    )
    command.add_argument(
        "--at-once", type=int, nargs="+", metavar="N", default=(1, 4, 16), help="calls (1 4 16)"
    )
    command.set_defaults(run=_generators)
    command = commands.add_parser("index", parents=[shared], help="partitions against brute force")
    command.add_argument(
        "--movies", type=int, nargs="+", default=MOVIES, metavar="N", help="catalogues (100000 1000000)"
    )
    command.set_defaults(run=_index)
    return parser


def _load(options: argparse.Namespace, folder: Path, flags: list[str], log: Log) -> None:
    from benchmarks.serving.latency import CONCURRENCIES, Bench
    from benchmarks.serving.local_server import local_server
    from benchmarks.serving.swaps import swap_versions

    with local_server(options.models, folder, *flags) as server:
        print(f"{_machine()}; models {_versions(options.models)}\n")
        bench = Bench(server, max(CONCURRENCIES))
        users = bench.users
        if not options.swaps_only:
            _print_latencies(bench, options.seconds_per_cell, log)
        bench.close()
        run = swap_versions(server, users, 4, options.seconds, log)
    _print_swaps(run)


def _print_latencies(bench: object, seconds: float, log: Log) -> None:
    from benchmarks.serving.latency import ONE_CALL_THRESHOLD, Bench

    assert isinstance(bench, Bench)
    rows = [
        [
            cell.call,
            str(cell.batch_size),
            str(cell.concurrency),
            f"{cell.served.p50:.1f}",
            f"{cell.served.p99:.1f}",
            f"{cell.served.per_second:,.0f}",
            f"{cell.floor.p50:.1f}",
            f"{cell.floor.p99:.1f}",
            f"{cell.served.p50 / cell.floor.p50:.1f}",
        ]
        for cell in bench.table(seconds, log)
    ]
    header = [
        "call",
        "users",
        "at once",
        "p50 ms",
        "p99 ms",
        "calls/s",
        "floor p50 ms",
        "floor p99 ms",
        "ratio of p50",
    ]
    print(markdown(header, rows))
    log("lists")
    lists = bench.lists(max(seconds, 3.0))
    verdict = "within" if lists.ratio <= ONE_CALL_THRESHOLD else "above"
    print(
        f"\nThe list for one user: p50 {lists.one_call:.2f} ms in one call, floor {lists.floor:.2f} ms, "
        f"ratio {lists.ratio:.2f}, {verdict} the threshold of {ONE_CALL_THRESHOLD:g}. In two calls: "
        f"{lists.two_calls:.2f} ms, floor {lists.two_floor:.2f} ms."
    )


def _print_swaps(run: SwapRun) -> None:
    failed = sum(run.failed.values())
    print(
        f"\nSwaps under load: {run.swaps} swaps and {run.rollbacks} rollbacks in {run.seconds:.0f} s, "
        f"{len(run.latencies):,} requests answered, {failed} failed; p50 "
        f"{np.percentile(run.latencies, 50):.1f} ms, p99 {np.percentile(run.latencies, 99):.1f} ms, "
        f"longest {max(run.latencies):.0f} ms."
    )
    for what, count in run.failed.most_common():
        print(f"\n- {count} times {what}")
    versions = ", ".join(f"{name}: {count:,}" for name, count in sorted(run.answered.items()))
    print(f"\nAnswers by version: {versions}")


def _generators(options: argparse.Namespace, folder: Path, flags: list[str], log: Log) -> None:
    from benchmarks.serving.load_generators import compare_generators
    from benchmarks.serving.local_server import local_server

    with local_server(options.models, folder, *flags) as server:
        print(f"{_machine()}; models {_versions(options.models)}\n")
        _print_generators(
            compare_generators(server, options.ghz, options.at_once, options.seconds_per_cell, log)
        )


def _print_generators(cells: list[GeneratorCell]) -> None:
    from benchmarks.serving.load_generators import agree

    rows = [
        [
            cell.generator,
            str(cell.concurrency),
            f"{cell.middle('p50'):.2f}",
            f"{cell.noise:.0%}",
            f"{cell.middle('p99'):.1f}",
            f"{cell.middle('per_second'):,.0f}",
        ]
        for cell in cells
    ]
    print(markdown(["measured by", "at once", "p50 ms", "noise of p50", "p99 ms", "calls/s"], rows))
    for at_once in dict.fromkeys(cell.concurrency for cell in cells):
        ghz, own, _ = (cell for cell in cells if cell.concurrency == at_once)
        verdict = "within noise" if agree(ghz, own) else "beyond noise"
        ratio = own.middle("p50") / ghz.middle("p50")
        print(f"\n{at_once} at once: this benchmark's p50 is {ratio:.2f} of that of ghz, {verdict}.")


def _index(options: argparse.Namespace, folder: Path, flags: list[str], log: Log) -> None:
    from benchmarks.serving.index_scale import measure_scale

    del flags
    print(f"{_machine()}\n")
    scales = []
    for movies in options.movies:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            scales.append(measure_scale(movies, Path(own), options.seconds_per_cell, log))
    _print_scales(scales)


def _print_scales(scales: list[Scale]) -> None:
    rows = []
    for scale in scales:
        for cost in scale.costs:
            recalled = f"{scale.recall:.3f}" if cost.kind == "Partitioned" else "1"
            rows.append(
                [
                    f"{scale.movies:,}",
                    cost.kind,
                    *(f"{p50:.1f} / {p99:.1f}" for p50, p99 in cost.batches.values()),
                    f"{cost.loaded_bytes / 1e6:,.0f}",
                    f"{cost.peak_bytes / 1e6:,.0f}",
                    recalled,
                ]
            )
    sizes = scales[0].costs[0].batches
    header = [
        "movies",
        "index",
        *(f"{size} {'user' if size == 1 else 'users'}, p50 / p99 ms" for size in sizes),
        "loaded MB",
        "peak MB",
        "recall@100",
    ]
    print(markdown(header, rows))
    for scale in scales:
        print(f"\n{scale.movies:,} movies, made in {scale.seconds:.0f} s: {scale.report.as_dict()}")


@contextmanager
def _folder(output: Path | None) -> Iterator[Path]:
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=output) as folder:
        yield Path(folder)


def _versions(models: Path) -> str:
    return ", ".join(sorted(str(path) for path in models.glob("*/[0-9]*")))


def _machine() -> str:
    load = os.getloadavg()[0]
    memory = psutil.virtual_memory().total / 1e9
    return f"{os.cpu_count()} cores, {memory:.0f} GB, load {load:.1f} at the start"


if __name__ == "__main__":
    sys.exit(main())
