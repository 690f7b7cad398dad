"""Kills a push at every call into the operating system, one after the other, and prints what each left.

Run by `test_killed_pushes.py` in a process without TensorFlow, which forks quickly. Arguments: a folder to
work in and three models. For each call it pushes the first model as both servables of a run, kills a process
that is pushing the second with room for one version, looks, and pushes the third. Prints one JSON object a
line.
"""

import json
import os
import shutil
import signal
import sys

from components.atomic_pusher.history import moves
from components.atomic_pusher.manifest import Provenance
from components.atomic_pusher.publishing import PushCandidate, Retention, push
from components.atomic_pusher.versions import changed_file, is_model, read_manifest, versions_in

CALLS = {
    *("open", "write", "flush", "fsync", "close", "flock"),
    *("mkdir", "rename", "unlink", "rmdir", "remove", "scandir", "listdir"),
}
ONE = Retention(1)
SERVABLES = ("ranking", "recommender")


def push_both(bases: list[str], model: str) -> int:
    """Pushes a model as both servables; returns the version."""
    return push([PushCandidate(base, model, Provenance()) for base in bases], ONE)[0].version


def push_and_die(bases: list[str], model: str, at: int) -> None:
    """Pushes and kills this process before call number `at`; ends with status 0 if there are fewer."""
    count = 0

    def watch(frame: object, event: str, argument: object) -> None:
        nonlocal count
        if event == "c_call" and getattr(argument, "__name__", "") in CALLS:
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)
    push_both(bases, model)
    sys.setprofile(None)
    os._exit(0)


def whole(path: str) -> bool:
    manifest = read_manifest(path)
    return is_model(path) and manifest is not None and changed_file(path, manifest) is None


def hidden(base: str) -> list[str]:
    return [name for name in os.listdir(base) if name.startswith(".") and name != ".lock"]


def main(folder: str, *models: str) -> None:
    for at in range(1, 10_000):
        bases = [os.path.join(folder, str(at), name) for name in SERVABLES]
        first = push_both(bases, models[0])
        child = os.fork()
        if not child:
            push_and_die(bases, models[1], at)
        _, status = os.waitpid(child, 0)
        found = [versions_in(base) for base in bases]
        state = {
            "killed": os.WIFSIGNALED(status),
            "first": first,
            "versions": [list(versions) for versions in found],
            "whole": all(whole(path) for versions in found for path in versions.values()),
            "left": [name for base in bases for name in hidden(base)],
        }
        third = push_both(bases, models[2])
        state |= {
            "third": third,
            "after": [sorted(os.listdir(base)) for base in bases],
            "logged": [sorted({move.version for move in moves(base)}) for base in bases],
        }
        print(json.dumps(state), flush=True)
        shutil.rmtree(os.path.join(folder, str(at)))
        if not state["killed"]:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
