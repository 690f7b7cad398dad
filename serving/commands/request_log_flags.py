"""Flags of a log of the requests that a command sends, and the log that they make."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

from serving.commands import CommandError
from serving.request_log import RequestLog, RequestLogError
from serving.request_log.log import DEFAULT_SHARE


def add_request_log_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags."""
    group = parser.add_argument_group("request log", "for `python -m pipeline serving-skew`")
    group.add_argument(
        "--request-log", metavar="DIR", type=Path, help="log a share of the requests to the models there"
    )
    group.add_argument(
        "--request-log-share",
        metavar="SHARE",
        type=_share,
        default=DEFAULT_SHARE,
        help="of the requests, chosen at random (default: %(default)g)",
    )
    group.add_argument(
        "--request-log-key-file",
        metavar="FILE",
        type=Path,
        help="hash user ids with the key in it, and leave zip codes out",
    )


@contextlib.contextmanager
def request_log(options: argparse.Namespace) -> Iterator[RequestLog | None]:
    """The log that the flags describe, None without one.

    Raises:
      CommandError: the key cannot be read, or the folder cannot be written to.
    """
    if options.request_log is None:
        yield None
        return
    key_file = options.request_log_key_file
    try:
        key = key_file.read_bytes().strip() if key_file else None
        log = RequestLog(options.request_log, share=options.request_log_share, key=key)
    except OSError as error:
        raise CommandError(f"{error.filename} cannot be read: {error.strerror}") from error
    except RequestLogError as error:
        raise CommandError(str(error)) from error
    except ValueError as error:
        raise CommandError(f"--request-log-key-file: {error}") from error
    with log:
        yield log


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share above 0 and up to 1")
    return share
