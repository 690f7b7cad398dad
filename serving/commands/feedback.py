"""Closes the feedback that waits, as a data set folder in the layout of the CSV MovieLens files.

The application writes ratings and impressions and closes a folder by itself after 10,000 ratings or a day.
This command does it now, also while the application runs, and prints the folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from serving.commands import CommandError
from serving.feedback import FeedbackError, FeedbackWriter
from serving.feedback.journal import JOURNAL_FILE

EXAMPLES: Final = """\
  python -m serving feedback runs/feedback
  python -m movielens check runs/feedback/feedback-000001
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder that the application writes to")


def run(options: argparse.Namespace) -> int:
    """Closes a folder and prints it."""
    if not (options.folder / JOURNAL_FILE).is_file():
        raise CommandError(f"{options.folder} does not hold feedback: name the application's --feedback")
    try:
        with FeedbackWriter(options.folder) as writer:
            closed = writer.close_folder()
    except FeedbackError as error:
        raise CommandError(str(error)) from error
    print("nothing was rated since the last folder" if closed is None else closed)
    return 0
