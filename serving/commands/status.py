"""Shows the versions of the models that a server has, and their states."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Final

import grpc

from serving.client import ServingError
from serving.client.contract import RANKING, RETRIEVAL
from serving.commands.connection import add_connection_flags, add_json_flag, connect
from serving.commands.output import print_json, print_table

EXAMPLES: Final = """\
  python -m serving status
  python -m serving status ranking --server models.example:8500

Exit status: 0 if each model has a version that is AVAILABLE, 1 if not.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument(
        "models",
        metavar="MODEL",
        nargs="*",
        default=[RETRIEVAL, RANKING],
        help=f"a model (default: {RETRIEVAL} and {RANKING})",
    )
    add_json_flag(parser)
    add_connection_flags(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the versions of each model; a model that the server does not have is listed without any."""
    states = {}
    with connect(options) as client:
        for model in options.models:
            try:
                states[model] = client.status(model)
            except ServingError as error:
                if error.code is not grpc.StatusCode.NOT_FOUND:
                    raise
                states[model] = []
    if options.json:
        for model, versions in states.items():
            print_json({"model": model, "versions": [asdict(each) for each in versions]})
    else:
        rows = [
            [model, each.version, each.state, each.reason]
            for model, versions in states.items()
            for each in versions
        ]
        rows += [[model, "-", "NOT SERVED", ""] for model, versions in states.items() if not versions]
        print_table(options.server, ["model", "version", "state", "error"], rows, "")
    available = [any(each.state == "AVAILABLE" for each in versions) for versions in states.values()]
    return 0 if all(available) else 1
