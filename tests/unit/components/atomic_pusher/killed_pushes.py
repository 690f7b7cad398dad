"""Kills a push at every call into the operating system, one after the other, and tells what each left.

Run by `test_killed_pushes.py` in a process without TensorFlow, which forks quickly. Arguments: a folder to
work in and three models. For each call it pushes the first model, kills a process that is pushing the second
with room for one version, looks, and pushes the third. Prints one JSON object a line.
"""

import json
import os
import shutil
import signal
import sys

from components.atomic_pusher.history import moves
from components.atomic_pusher.manifest import Provenance
from components.atomic_pusher.publishing import Retention, push
from components.atomic_pusher.versions import changed_file, is_model, read_manifest, versions_in

CALLS = {
    *("open", "write", "flush", "fsync", "close", "flock"),
    *("mkdir", "rename", "unlink", "rmdir", "remove", "scandir", "listdir"),
}
ONE = Retention(1)


def push_and_die(base: str, model: str, at: int) -> None:
    """Pushes and kills this process before call number `at`; ends with status 0 if there are fewer."""
    count = 0

    def watch(frame: object, event: str, argument: object) -> None:
        nonlocal count
        if event == "c_call" and getattr(argument, "__name__", "") in CALLS:
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)
    push(base, model, Provenance(), ONE)
    sys.setprofile(None)
    os._exit(0)


def whole(path: str) -> bool:
    manifest = read_manifest(path)
    return is_model(path) and manifest is not None and changed_file(path, manifest) is None


def main(folder: str, *models: str) -> None:
    for at in range(1, 10_000):
        base = os.path.join(folder, str(at))
        first = push(base, models[0], Provenance(), ONE).version
        child = os.fork()
        if not child:
            push_and_die(base, models[1], at)
        _, status = os.waitpid(child, 0)
        found = versions_in(base)
        told = {
            "killed": os.WIFSIGNALED(status),
            "first": first,
            "versions": list(found),
            "whole": all(whole(path) for path in found.values()),
            "left": [name for name in os.listdir(base) if name.startswith(".") and name != ".lock"],
        }
        third = push(base, models[2], Provenance(), ONE).version
        logged = {move.version for move in moves(base)}
        told |= {"third": third, "after": sorted(os.listdir(base)), "logged": sorted(logged)}
        print(json.dumps(told), flush=True)
        shutil.rmtree(base)
        if not told["killed"]:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
