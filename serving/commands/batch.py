"""Scores all users at once, without a server, and writes one Parquet file: a row for each movie of a user.

Columns: user_id, known_user, rank (from 1), movie_id, movie_title, score (what the list is ordered by) and
predicted_rating (in stars, null with --retrieval alone). The versions of the models are in the file's
metadata. The file appears when it is complete; one that is there is replaced then. Memory does not grow with
the number of users.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from contracts.signatures import CANDIDATES, MAX_ROWS
from serving.batch_models import BatchListModel, BatchRankingModel, ModelError, newest_version
from serving.batch_scoring import UsersError, count_users, score_users
from serving.commands import CommandError
from serving.commands.connection import count

EXAMPLES: Final = """\
  python -m serving batch --recommender runs/serving/recommender --output lists.parquet
  python -m serving batch --recommender runs/serving/recommender/7 --users ids.txt -k 50 --output some.parquet
  python -m serving batch --retrieval runs/serving/retrieval --output candidates.parquet
  python -m serving batch --retrieval runs/serving/retrieval --ranking runs/serving/ranking --output a.parquet
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    lists = parser.add_mutually_exclusive_group(required=True)
    lists.add_argument(
        "--recommender",
        metavar="DIR",
        type=Path,
        help="the recommender: a version's folder, or the folder above, of which the newest is taken",
    )
    lists.add_argument("--retrieval", metavar="DIR", type=Path, help="the retrieval model instead")
    parser.add_argument(
        "--ranking",
        metavar="DIR",
        type=Path,
        help="the ranking model of the same run, with --retrieval (default: the order stays as it is)",
    )
    parser.add_argument(
        "--users",
        metavar="FILE",
        type=Path,
        help="user ids, one a line (default: everyone in the model's table)",
    )
    parser.add_argument(
        "--output", metavar="FILE", type=Path, required=True, help="the Parquet file to write or replace"
    )
    parser.add_argument("-k", type=count, default=10, help="movies per user (default: %(default)s)")
    parser.add_argument(
        "--candidates",
        metavar="N",
        type=count,
        default=CANDIDATES,
        help="movies to retrieve and order per user, with --ranking (default: %(default)s)",
    )
    parser.add_argument(
        "--batch-size",
        metavar="N",
        type=_users,
        default=128,
        help="users to score at once; memory grows with it (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Scores and prints the outcome."""
    console = Console(stderr=True, highlight=False)
    try:
        if not options.output.absolute().parent.is_dir():
            raise CommandError(
                f"{options.output.parent} is not a folder: make it first, or name another --output"
            )
        if options.output.is_dir():
            raise CommandError(f"{options.output} is a folder: name a file for --output")
        if options.recommender and options.ranking:
            raise CommandError("--ranking goes with --retrieval: the recommender has both stages")
        folders = [options.recommender or options.retrieval, options.ranking]
        versions = [folder and newest_version(folder) for folder in folders]
        users = options.users
        total = count_users(users) if users else None
        with console.status("loading the models"):
            model = BatchListModel(versions[0])
            ranking = BatchRankingModel(versions[1]) if versions[1] else None
        if total is None:
            users = model.users_file
            total = count_users(users)
        started = time.monotonic()
        columns = TextColumn("users"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=total)
            scored = score_users(
                model,
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
    if options.ranking and versions[0].name != versions[1].name:
        print(
            f"note: retrieval is of version {versions[0].name} and ranking of {versions[1].name}, so the "
            "lists are of two runs",
            file=sys.stderr,
        )
    seconds = time.monotonic() - started
    unknown = f", {scored.unknown_users:,} of them unknown to the model" if scored.unknown_users else ""
    rate = scored.users / max(seconds, 1e-9)
    print(
        f"{options.output}: {scored.rows:,} rows for {scored.users:,} users{unknown}, "
        f"{seconds:.1f} s, {rate:,.0f} users a second",
        file=sys.stderr,
    )
    return 0


def _users(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MAX_ROWS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of users from 1 to {MAX_ROWS:,}")
    return int(text)
