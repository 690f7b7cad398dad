"""Repeatable experiments, one command each: `python -m studies --help`."""

import argparse
import signal
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from pipeline.config import ConfigError, load_config
from pipeline.data_source import DatasetError, find_data
from pipeline.local_run.run_lock import OutputInUseError
from studies import collapse, dcn, gate, leaderboard, multitask
from studies.child import StudyError
from studies.harness import Harness
from studies.keras3 import study as keras3
from studies.served_list import study as served_list
from studies.similar_movies import study as similar

STUDIES: Final[dict[str, Any]] = {
    "leaderboard": leaderboard,
    "multitask": multitask,
    "dcn": dcn,
    "collapse": collapse,
    "gate": gate,
    "served-list": served_list,
    "similar": similar,
    "keras3": keras3,
}

_DESCRIPTION: Final = (
    "Every result is kept as soon as it is there (CSV or JSON), so an interrupted study goes on where it "
    "stopped; tables (Markdown) and plots (SVG) are beside it."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one study; returns 0 if all of it could be measured, whatever came out."""
    options = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    # A study that is ended takes the process with the fit along.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    work = Path(options.output).expanduser().absolute()
    console = Console(stderr=True, highlight=False)
    try:
        config = load_config().model_copy(
            update={"output": str(work), "dataset": options.dataset, "data_dir": options.data_dir}
        )
        work.mkdir(parents=True, exist_ok=True)
        source = find_data(config)
        harness = Harness(options.name, source, work, again=options.again, console=console)
        print(options.study.run(options, harness))
        console.print(f"everything is in {harness.folder}", soft_wrap=True)
    except (argparse.ArgumentTypeError, ConfigError, DatasetError, OutputInUseError, StudyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename or work}: {error.strerror}; name another --output", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m studies", description=f"Measure models over splits and seeds. {_DESCRIPTION}"
    )
    commands = parser.add_subparsers(required=True, metavar="STUDY")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--dataset", metavar="NAME", help="MovieLens data set to download, such as ml-100k")
    shared.add_argument(
        "--data-dir", metavar="DIR", help="raw MovieLens files (default: MOVIELENS_DIR, else the sample)"
    )
    shared.add_argument(
        "--output",
        default="runs/studies",
        metavar="DIR",
        help="work folder of prepared splits and results (default: runs/studies)",
    )
    shared.add_argument("--again", action="store_true", help="measure anew what is there already")
    for name, study in STUDIES.items():
        command = commands.add_parser(
            name,
            parents=[shared],
            help=study.SUMMARY,
            description=f"{study.__doc__.strip()}\n\n{textwrap.fill(_DESCRIPTION, 100)}",
            epilog=study.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        study.add_arguments(command)
        command.set_defaults(study=study, name=name)
    return parser


if __name__ == "__main__":
    sys.exit(main())
