"""One HTTP request about a run that has ended."""

from __future__ import annotations

from typing import Final

import requests

from pipeline.export.outcome import RunOutcome

_TIMEOUT_SECONDS: Final = 10


class WebhookError(RuntimeError):
    """The request failed. The message leaves out the address, because that may hold a secret."""


def notify(outcome: RunOutcome, url: str) -> str:
    """Posts the outcome as JSON; returns the answer in words.

    Args:
      outcome: how the run came out.
      url: the receiver.

    Raises:
      WebhookError: there is no such receiver, or it refuses.
    """
    try:
        answer = requests.post(url, json=outcome.to_dict(), timeout=_TIMEOUT_SECONDS)
    except requests.RequestException as error:
        raise WebhookError(type(error).__name__) from None
    if not answer.ok:
        raise WebhookError(f"answered {answer.status_code} {answer.reason}")
    return f"delivered, answered {answer.status_code}"
