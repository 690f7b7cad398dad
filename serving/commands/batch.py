"""Scores all users at once, without a server, and writes one Parquet file: a row for each movie of a user.

Columns: user_id, known_user, rank (from 1), movie_id, movie_title, score (the retrieval model's) and
predicted_rating (in stars, null without --ranking). The versions of the models are in the file's metadata.
The file appears when it is complete; one that is there is replaced then. Memory does not grow with the number
of users.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from serving.batch_models import BatchRankingModel, BatchRetrievalModel, ModelError, newest_version
from serving.batch_scoring import UsersError, count_users, score_users
from serving.client.endpoint import DEFAULT_CANDIDATES
from serving.commands import CommandError
from serving.commands.connection import count

EXAMPLES: Final = """\
  python -m serving batch --retrieval runs/serving/retrieval --output candidates.parquet
  python -m serving batch --retrieval runs/serving/retrieval --ranking runs/serving/ranking --output a.parquet
  python -m serving batch --retrieval runs/serving/retrieval/7 --users ids.txt -k 50 --output some.parquet
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument(
        "--retrieval",
        metavar="DIR",
        type=Path,
        required=True,
        help="the retrieval model: a version's folder, or the folder above, of which the newest is taken",
    )
    parser.add_argument(
        "--ranking",
        metavar="DIR",
        type=Path,
        help="the ranking model (default: none; movies stay in the order of retrieval)",
    )
    parser.add_argument(
        "--users",
        metavar="FILE",
        type=Path,
        help="user ids, one a line (default: everyone in the retrieval model's table)",
    )
    parser.add_argument(
        "--output", metavar="FILE", type=Path, required=True, help="the Parquet file to write or replace"
    )
    parser.add_argument("-k", type=count, default=10, help="movies per user (default: %(default)s)")
    parser.add_argument(
        "--candidates",
        metavar="N",
        type=count,
        default=DEFAULT_CANDIDATES,
        help="movies to retrieve and rank per user, with --ranking (default: %(default)s)",
    )
    parser.add_argument(
        "--batch-size",
        metavar="N",
        type=_users,
        default=128,
        help="users to score at once; memory grows with it (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Scores and says how it went."""
    console = Console(stderr=True, highlight=False)
    try:
        if not options.output.absolute().parent.is_dir():
            raise CommandError(
                f"{options.output.parent} is not a folder: make it first, or name another --output"
            )
        if options.output.is_dir():
            raise CommandError(f"{options.output} is a folder: name a file for --output")
        folders = [options.retrieval, options.ranking]
        versions = [folder and newest_version(folder) for folder in folders]
        users = options.users
        total = count_users(users) if users else None
        with console.status("loading the models"):
            retrieval = BatchRetrievalModel(versions[0])
            ranking = BatchRankingModel(versions[1]) if versions[1] else None
        if total is None:
            users = retrieval.users_file
            total = count_users(users)
        started = time.monotonic()
        columns = TextColumn("users"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=total)
            scored = score_users(
                retrieval,
                ranking,
                users,
                options.output,
                k=options.k,
                candidates=options.candidates,
                batch_size=options.batch_size,
                progress=lambda users_done: bar.advance(task, users_done),
            )
    except (ModelError, UsersError) as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{options.output} cannot be written: {error.strerror or error}") from error
    seconds = time.monotonic() - started
    unknown = f", {scored.strangers:,} of them unknown to the model" if scored.strangers else ""
    rate = scored.users / max(seconds, 1e-9)
    print(
        f"{options.output}: {scored.rows:,} rows for {scored.users:,} users{unknown}, "
        f"{seconds:.1f} s, {rate:,.0f} users a second",
        file=sys.stderr,
    )
    return 0


def _users(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of users from 1 to 1,000,000")
    return int(text)
