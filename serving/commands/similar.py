"""Shows the movies that are nearest to a movie, by the cosine of the retrieval model's embeddings."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Final

from serving.commands import CommandError
from serving.commands.connection import add_connection_flags, add_json_flag, add_version_flag, connect, count
from serving.commands.output import print_json, print_table

EXAMPLES: Final = """\
  python -m serving similar --movie 50 -k 5
  python -m serving similar --movie 50 --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument("--movie", metavar="ID", required=True, help="the movie")
    parser.add_argument("-k", type=count, default=10, help="movies to show (default: %(default)s)")
    add_version_flag(parser)
    add_json_flag(parser)
    add_connection_flags(parser)


def run(options: argparse.Namespace) -> int:
    """Sends the request and prints the answer."""
    with connect(options) as client:
        found = client.similar(options.movie, options.k, version=options.version)
    if not found.known:
        raise CommandError(f"movie {options.movie!r} is not in the model")
    if options.json:
        print_json({"movie_id": options.movie, **asdict(found)})
        return 0
    print_table(
        f"Movies like movie {options.movie}",
        ["", "id", "title", "cosine"],
        [[place, each.movie_id, each.title, each.score] for place, each in enumerate(found.movies, start=1)],
        f"{found.served_by.model} version {found.served_by.version}",
    )
    return 0
