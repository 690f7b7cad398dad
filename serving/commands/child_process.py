"""A command that ends when the process that started it ends, even by SIGKILL: `python -m` with this module.

Linux sends SIGTERM to a process whose parent has ended, if the process has asked for it (prctl). The request
survives exec, so this module asks for it and then becomes the command. Elsewhere the command runs as it is.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

# linux/prctl.h
_PR_SET_PDEATHSIG: Final = 1


def ends_with_this_process(command: Sequence[str]) -> list[str]:
    """The same command, which gets SIGTERM when the thread that starts it ends, or its whole process."""
    return [sys.executable, "-m", __name__, str(os.getpid()), *command]


def main(arguments: Sequence[str]) -> None:
    """Becomes the command.

    Args:
      arguments: the id of the parent, and the command.
    """
    parent, *command = arguments
    end_with(int(parent), signal.SIGTERM)
    os.execvp(command[0], command)


def end_with(parent: int, by: signal.Signals) -> None:
    """Has the kernel send a signal to this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(by))
        if os.getppid() != parent:
            # It ended before the request.
            sys.exit(128 + by)


if __name__ == "__main__":
    main(sys.argv[1:])
