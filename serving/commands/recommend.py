"""Recommends movies for users: retrieves some hundreds, ranks them and shows the best."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Final

from serving.client import Recommendation
from serving.client.endpoint import DEFAULT_CANDIDATES
from serving.commands.connection import add_connection_flags, add_json_flag, connect, count, version
from serving.commands.output import print_json, print_table

EXAMPLES: Final = """\
  python -m serving recommend --user 42 -k 10
  python -m serving recommend --user 42 --user 43 --exclude 50 --json
  python -m serving recommend --user 42 --retrieval-version canary --ranking-version 3
  python -m serving recommend --user 42 --server models.example:443 --tls --token-file token
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument(
        "--user",
        metavar="ID",
        action="append",
        required=True,
        dest="users",
        help="a user; may be repeated",
    )
    parser.add_argument("-k", type=count, default=10, help="movies to show per user (default: %(default)s)")
    parser.add_argument(
        "--candidates",
        metavar="N",
        type=count,
        default=DEFAULT_CANDIDATES,
        help="movies to retrieve and rank per user (default: %(default)s)",
    )
    parser.add_argument(
        "--exclude", metavar="ID", action="append", default=[], help="a movie to leave out; may be repeated"
    )
    for model in ("retrieval", "ranking"):
        parser.add_argument(
            f"--{model}-version",
            metavar="VERSION",
            type=version,
            help=f"number or label of the {model} model's version (default: the latest)",
        )
    add_json_flag(parser)
    add_connection_flags(parser)


def run(options: argparse.Namespace) -> int:
    """Recommends and prints."""
    with connect(options) as client:
        found = client.recommend_many(
            options.users,
            options.k,
            candidates=options.candidates,
            exclude=dict.fromkeys(options.users, options.exclude),
            retrieval_version=options.retrieval_version,
            ranking_version=options.ranking_version,
        )
    for recommendation in found:
        if options.json:
            print_json({**asdict(recommendation), "versions": recommendation.versions})
        else:
            _print(recommendation)
    return 0


def _print(recommendation: Recommendation) -> None:
    ranked = recommendation.ranking is not None
    stranger = "" if recommendation.known_user else ", who is not in the model: from the popular movies"
    answered = ", ".join(f"{model} version {number}" for model, number in recommendation.versions.items())
    print_table(
        f"Movies for user {recommendation.user_id}{stranger}",
        ["", "id", "title", *(["stars"] if ranked else []), "retrieval score"],
        [
            [place, movie.movie_id, movie.title, *([movie.predicted_rating] if ranked else []), movie.score]
            for place, movie in enumerate(recommendation.movies, start=1)
        ],
        f"{answered}\nNOT RANKED: {recommendation.degraded}" if recommendation.degraded else answered,
    )
