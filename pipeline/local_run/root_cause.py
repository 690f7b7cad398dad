"""Finds the one sentence that explains a failure under TFX's, Beam's and the launcher's wrapping.

Beam raises in the process that submits the job a `RuntimeError` whose message is the worker's traceback
as text, so the cause has to be read from text as well as from `__cause__`.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

# Errors of these packages are written for the reader; others need their class name to be understood.
_OURS: Final = (
    "components.",
    "contracts.",
    "movielens.",
    "local_runner.",
    "pipeline.",
    "reports.",
    "schema.",
    "trainer_module.",
)

_TRACEBACK: Final = "Traceback (most recent call last):"
# What Python prints between the links of a chain.
_BRIDGES: Final = ("The above exception was", "During handling of the above")
_BEAM_STEP: Final = re.compile(r"\s*\[while running '.*?'\]")


def root_cause(error: BaseException) -> str:
    """Returns the sentence that explains `error` best.

    An error of ours is that sentence. Any other one is shown with its class name and, if it was raised
        from another, with the innermost one.
    """
    causes = [_Cause(*pair) for pair in _raised(error)]
    ours = next((one for one in causes if one.name.startswith(_OURS)), None)
    if ours or len(causes) == 1:
        return (ours or causes[0]).sentence()
    return f"{causes[0].sentence()} (from {causes[-1].sentence()})"


class _Cause(NamedTuple):
    name: str
    message: str

    def sentence(self) -> str:
        message = _BEAM_STEP.sub("", self.message).strip()
        if self.name.startswith(_OURS) and message:
            return message
        short = self.name.rpartition(".")[2]
        return f"{short}: {message}" if message else short


def _raised(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yields (class name, message) from the outermost error to the innermost."""
    link: BaseException | None = error
    while link is not None:
        message = str(link)
        if _TRACEBACK in message:  # Whoever carries a traceback as text adds nothing of its own.
            yield from _raised_in_text(message)
        else:
            yield f"{type(link).__module__}.{type(link).__qualname__}", message
        link = link.__cause__


def _raised_in_text(text: str) -> list[tuple[str, str]]:
    """The same for a printed traceback, where the outermost error stands last."""
    found = []
    for part in text.split(_TRACEBACK)[1:]:
        lines = [line for line in part.splitlines() if line and not line.startswith(_BRIDGES)]
        # Frames are indented; the error is what follows the last of them, over one line or more.
        frames = [number for number, line in enumerate(lines) if line.startswith("  ")]
        raised = "\n".join(lines[frames[-1] + 1 if frames else 0 :])
        name, _, message = raised.partition(": ")
        found.append((name, message))
    return found[::-1]
