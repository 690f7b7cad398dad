"""The data sets from the command line: `python -m movielens --help`."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from movielens.check import check_folder
from movielens.fetch import CHECKSUMS, cache_folder, fetch
from movielens.locate import locate
from movielens.records import MAX_REJECTED_SHARE, DatasetError
from movielens.sample import SampleSpec, write_sample

_EXAMPLES = """\
examples:
  python -m movielens fetch ml-100k                  download into the cache, checked by its MD5 sum
  python -m movielens fetch ml-1m --to data          download into data/ml-1m
  python -m movielens sample --to data/sample        write the synthetic sample: 50,000 ratings
  python -m movielens sample --ratings 1000000 --seed 7 --to data/million
  python -m movielens check data/ml-1m               count rows, and rejected rows by reason

Exit status of check, as of a run: 0 it can be used, 1 too many rows cannot or a genre is unknown, 2 it cannot
be read. What a run measures beyond that, such as volume and distances, its data gate shows.
"""
_DEFAULT = SampleSpec()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status, 0 if all is well."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except DatasetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing half-written was left behind", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m movielens",
        description="Fetch MovieLens data sets, write a synthetic sample, check a folder.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("fetch", help="download a data set from GroupLens and check it")
    command.add_argument("name", choices=list(CHECKSUMS), metavar="NAME", help=", ".join(CHECKSUMS))
    command.add_argument(
        "--to", type=Path, metavar="DIR", help=f"make DIR/NAME (default: {_below_home(cache_folder())}/NAME)"
    )
    command.set_defaults(run=_fetch)

    command = commands.add_parser("sample", help="write a synthetic sample in the ML-100k layout")
    command.add_argument("--to", type=Path, metavar="DIR", required=True, help="folder to make")
    command.add_argument(
        "--ratings", type=int, default=_DEFAULT.ratings, help="10,000 to 100,000,000 (%(default)s)"
    )
    command.add_argument("--users", type=int, help="default: 700 (ratings / 50,000)^0.9")
    command.add_argument("--movies", type=int, help="default: 800 (ratings / 50,000)^0.5")
    command.add_argument("--seed", type=int, default=_DEFAULT.seed, help="(%(default)s)")
    command.set_defaults(run=_sample)

    command = commands.add_parser("check", help="count rows, and rejected rows by reason")
    command.add_argument("folder", type=Path, metavar="DIR", help="a data set, or a folder that holds one")
    command.add_argument(
        "--max-rejected-share",
        type=float,
        default=MAX_REJECTED_SHARE,
        metavar="SHARE",
        help="share of a file's rows that may be rejected, the setting data.max_rejected_share (%(default)s)",
    )
    command.set_defaults(run=_check)
    return parser


def _below_home(path: Path) -> Path:
    return "~" / path.relative_to(Path.home()) if path.is_relative_to(Path.home()) else path


def _fetch(options: argparse.Namespace) -> int:
    print(fetch(options.name, options.to))
    return 0


def _sample(options: argparse.Namespace) -> int:
    started = time.monotonic()
    spec = SampleSpec.sized(options.ratings, options.users, options.movies, options.seed)
    write_sample(spec, options.to)
    print(
        f"{options.to}: synthetic sample of {spec.ratings:,} ratings, {spec.users:,} users, "
        f"{spec.movies:,} movies, seed {spec.seed}, in {time.monotonic() - started:.1f} s"
    )
    return 0


def _check(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as plain:
        try:
            folder = locate(None, options.folder, unpack_below=Path(plain))
            assert folder is not None  # a folder was named
            report = check_folder(folder)
        except DatasetError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    print(options.folder, *report.lines(), sep="\n")
    refusals = report.refusals(options.max_rejected_share)
    print(*(f"a run would fail: {refusal}" for refusal in refusals), sep="\n", end="\n" if refusals else "")
    return 1 if refusals else 0


if __name__ == "__main__":
    sys.exit(main())
