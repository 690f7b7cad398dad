"""How commands talk to whoever typed them: a console, and a question before something is changed."""

import sys

from rich.console import Console


def plain_console() -> Console:
    """A console that prints lines as they are."""
    return Console(highlight=False, markup=False, soft_wrap=True)


def confirmed(question: str, error: type[Exception]) -> bool:
    """Whether the answer to a question is yes.

    Args:
      question: ends in `[y/N] `.
      error: what to raise without a terminal.
    """
    if not sys.stdin.isatty():
        raise error("there is no terminal to confirm on; repeat the command with --yes")
    return input(question).strip().lower() in ("y", "yes")
