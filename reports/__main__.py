"""Reports on runs of the pipeline, each one HTML file that opens without a network.

A run writes its report by itself; these commands find it, make it again, or set two runs side by side.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import warnings
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reports.errors import ReportError

if TYPE_CHECKING:
    from reports.page import Report
    from reports.reading.run_data import Run

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

_EPILOG: Final = """\
examples:
  python -m reports open
      the report of the latest run below runs/, in the browser
  python -m reports list --output runs/1m
      the runs of another output folder
  python -m reports build 2026-01-31T12:00
      builds the report of a run again; a beginning of its id is enough
  python -m reports compare 2026-01-30 latest
      metrics that are better or worse, settings that differ, and how far the data has drifted
  python -m reports index
      the index of the runs: metrics, thresholds, pushes and drift over runs

Exit status: 0 done, 1 no browser could be started, 2 there is no such run or it cannot be written.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that the flags name and returns the exit status."""
    args = _parser().parse_args(argv)
    output = Path(args.output).expanduser()
    try:
        # ML Metadata takes a second to load, and TensorFlow, which only `build` needs, many.
        from reports.reading.run_store import list_runs, load_run

        if args.command == "list":
            for run_id in list_runs(output):
                print(run_id)
            return DONE
        if args.command == "index":
            from reports.index.page import write_index

            return _print_paths(write_index(output))
        run = load_run(output, args.run)
        if args.command == "compare":
            return _print_paths(_compare(run, load_run(output, args.other)))
        if args.command == "build":
            return _print_paths(_build(run))
        from reports.index.recorded import newest_report

        return _open(newest_report(run) or _build(run).html)
    except ReportError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        print(f"error: {error.filename or output}: {error.strerror or error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reports",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser(
        "list", help="show the ids of the runs, the oldest first", allow_abbrev=False
    )
    opening = commands.add_parser(
        "open", help="show a run's report in the browser; builds it if it is not there", allow_abbrev=False
    )
    building = commands.add_parser("build", help="build a run's report again", allow_abbrev=False)
    comparing = commands.add_parser("compare", help="build a page that compares two runs", allow_abbrev=False)
    indexing = commands.add_parser("index", help="build the index of the runs", allow_abbrev=False)
    for command in (opening, building):
        command.add_argument(
            "run", nargs="?", default="latest", metavar="RUN", help="a run's id or its beginning (latest)"
        )
    comparing.add_argument("run", metavar="RUN", help="a run's id, its beginning, or `latest`")
    comparing.add_argument("other", metavar="OTHER", help="the run to set beside it")
    for command in (listing, opening, building, comparing, indexing):
        command.add_argument(
            "--output", metavar="DIR", default="runs", help="output folder of the runs (default: %(default)s)"
        )
    return parser


def _build(run: Run) -> Report:
    _quiet()
    print(f"building the report of run {run.id} ...", file=sys.stderr)
    from reports.index.recorded import report_folder
    from reports.page import write_report
    from reports.sections import build_sections

    started = time.monotonic()
    report = write_report(run, build_sections(run), report_folder(run.output, run.id))
    print(f"built in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return report


def _compare(run: Run, other: Run) -> Report:
    if run.id == other.id:
        raise ReportError(
            f"both are run {run.id}; `python -m reports list` shows the runs to compare it with"
        )
    _quiet()
    print(f"comparing runs {run.id} and {other.id} ...", file=sys.stderr)
    from reports.comparison import write_comparison
    from reports.index.recorded import report_folder

    return write_comparison(run, other, report_folder(run.output, f"{run.id} and {other.id}"))


def _print_paths(report: Report) -> int:
    print(report.html)
    print(report.json)
    return DONE


def _open(page: Path) -> int:
    print(page)
    if webbrowser.open(page.resolve().as_uri()):
        return DONE
    print(f"error: no browser could be started; open {page} in one", file=sys.stderr)
    return FAILED


def _quiet() -> None:
    """Keeps what TensorFlow and other libraries print while they load off the terminal."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore")
    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)


if __name__ == "__main__":
    sys.exit(main())
