"""Recommends movies for users: the list of `recommender`, or of two stages where the server lacks it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Final

from contracts.signatures import CANDIDATES
from serving.client import Recommendation, ServingError, raise_failures
from serving.commands.connection import (
    add_connection_flags,
    add_json_flag,
    add_version_flag,
    connect,
    count,
    version,
)
from serving.commands.output import print_json, print_table

EXAMPLES: Final = """\
  python -m serving recommend --user 42 -k 10
  python -m serving recommend --user 42 --user 43 --exclude 50 --json
  python -m serving recommend --user 42 --version canary
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
        default=CANDIDATES,
        help="movies to retrieve per user, in two stages (default: %(default)s)",
    )
    parser.add_argument(
        "--exclude", metavar="ID", action="append", default=[], help="a movie to leave out; may be repeated"
    )
    add_version_flag(parser, "recommender")
    for model in ("retrieval", "ranking"):
        parser.add_argument(
            f"--{model}-version",
            metavar="VERSION",
            type=version,
            help=f"number or label of the {model} model's version; makes it two stages",
        )
    add_json_flag(parser)
    add_connection_flags(parser)


def run(options: argparse.Namespace) -> int:
    """Recommends and prints."""
    with connect(options) as client:
        outcomes = client.recommend_many(
            options.users,
            options.k,
            candidates=options.candidates,
            exclude=dict.fromkeys(options.users, options.exclude),
            version=options.version,
            retrieval_version=options.retrieval_version,
            ranking_version=options.ranking_version,
        )
    # Found for some users only, or for none: the first failure is the command's, after what was found.
    found = [each for each in outcomes if not isinstance(each, ServingError)]
    for recommendation in found:
        if options.json:
            added = {"versions": recommendation.versions, "mixed_versions": recommendation.mixed_versions}
            print_json({**asdict(recommendation), **added})
        else:
            _print(recommendation)
    raise_failures(outcomes)
    return 0


def _print(recommendation: Recommendation) -> None:
    rated = recommendation.order == "final"
    note = "" if recommendation.known_user else ", who is not in the model: from the popular movies"
    answered = ", ".join(f"{model} version {number}" for model, number in recommendation.versions.items())
    print_table(
        f"Movies for user {recommendation.user_id}{note}",
        ["", "id", "title", *(["stars"] if rated else []), "score"],
        [
            [place, movie.movie_id, movie.title, *([movie.predicted_rating] if rated else []), movie.score]
            for place, movie in enumerate(recommendation.movies, start=1)
        ],
        f"{answered}\nDEGRADED: {recommendation.degraded}" if recommendation.degraded else answered,
    )
