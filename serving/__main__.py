"""Recommendations from the command line: `python -m serving --help`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

from serving.commands import CommandError

FAILED, INTERRUPTED = 1, 130

_EXAMPLES: Final = """\
examples:
  python -m serving serve                            a model server, at localhost:8500
  python -m serving recommend --user 42 -k 10        calls it
  python -m serving recommend --help                 flags and examples of a command
"""


class Command(NamedTuple):
    """A subcommand.

    The module is imported when its command is run, so the light ones start fast and run where the
    libraries of the others are not installed. It has:

    - a docstring: the description in `--help`;
    - `EXAMPLES: str`: the end of `--help`, one indented line each;
    - `add_arguments(parser: argparse.ArgumentParser) -> None`;
    - `run(options: argparse.Namespace) -> int`: does the work and returns the exit status. A `CommandError`
      or a `serving.client.ServingError` that it raises is shown as one line, with exit status 1.
    """

    module: str
    help: str


COMMANDS: Final = {
    "recommend": Command("serving.commands.recommend", "movies for users, in the final order"),
    "similar": Command("serving.commands.similar", "movies that are like a movie"),
    "status": Command("serving.commands.status", "the versions that a server has, and their states"),
    "metadata": Command("serving.commands.metadata", "signatures of a model, as the server returns them"),
    "serve": Command("serving.commands.serve", "the pushed models, with the server that this machine has"),
    "app": Command("serving.commands.app", "the web application, for people who pick a film"),
    "feedback": Command("serving.commands.feedback", "closes the application's ratings as a data set"),
    "batch": Command("serving.commands.batch", "movies for all users into a Parquet file, without a server"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that the flags name and returns the exit status."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        return _run(_parser(arguments).parse_args(arguments))
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    # gRPC loads only when a command needs it.
    from serving.client import ServingError

    try:
        return int(options.run(options))
    except ServingError as error:
        raise CommandError(str(error)) from error


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving",
        description="Recommendations from the pushed models.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    chosen = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, command in COMMANDS.items():
        if name == chosen:
            _add_chosen(commands, name, command)
        else:
            commands.add_parser(name, help=command.help)
    return parser


def _add_chosen(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, command: Command
) -> None:
    try:
        module = importlib.import_module(command.module)
    except ModuleNotFoundError as error:
        raise CommandError(
            f"`python -m serving {name}` needs {error.name}, which comes with movielens-recommender and not "
            f"with the client alone"
        ) from error
    parser = commands.add_parser(
        name,
        help=command.help,
        description=module.__doc__,
        epilog=f"examples:\n{module.EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)


if __name__ == "__main__":
    sys.exit(main())
