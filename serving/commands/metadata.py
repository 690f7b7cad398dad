"""Shows the signatures of a model: names, types and shapes of inputs and outputs."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Final

from contracts.signatures import RANKING, RETRIEVAL
from serving.client import TensorSpec
from serving.commands.connection import add_connection_flags, add_json_flag, add_version_flag, connect
from serving.commands.output import print_json, print_table

EXAMPLES: Final = """\
  python -m serving metadata retrieval
  python -m serving metadata ranking --version canary --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument("model", metavar="MODEL", help=f"such as {RETRIEVAL} or {RANKING}")
    add_version_flag(parser)
    add_json_flag(parser)
    add_connection_flags(parser)


def run(options: argparse.Namespace) -> int:
    """Sends the request and prints the answer."""
    with connect(options) as client:
        found = client.metadata(options.model, version=options.version)
    if options.json:
        print_json(asdict(found))
        return 0
    print_table(
        f"Signatures of {found.served_by.model} version {found.served_by.version}",
        ["signature", "", "name", "type", "shape"],
        [
            [name, direction, tensor, spec.dtype, _shape(spec)]
            for name, signature in found.signatures.items()
            for direction, specs in (("in", signature.inputs), ("out", signature.outputs))
            for tensor, spec in specs.items()
        ],
        "-1 stands for any size",
    )
    return 0


def _shape(spec: TensorSpec) -> str:
    return "any" if spec.shape is None else f"[{', '.join(map(str, spec.shape))}]"
