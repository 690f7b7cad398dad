"""Pushes models one after the other until it is killed; imports nothing that takes time.

Arguments: how to push (`atomic`, or `in-place` as a plain copy does that hangs before the weights), the
folder of the versions, the number of versions to keep, and the models.
"""

import itertools
import shutil
import signal
import sys
import time
from pathlib import Path

from components.atomic_pusher.manifest import Provenance
from components.atomic_pusher.publishing import Retention
from components.atomic_pusher.versions import next_version, versions_in
from tests.unit.components.atomic_pusher.one_servable import push


def main(how: str, base: str, keep: str, *models: str) -> None:
    for count in itertools.count():
        model = Path(models[count % len(models)])
        # Unlike any model that is there, so that it is pushed.
        (model / "count").write_text(f"{count} {time.time_ns()}")
        if how == "atomic":
            push(base, str(model), Provenance(), Retention(int(keep)))
        else:
            version = Path(base) / str(next_version(versions_in(base)))
            shutil.copytree(model, version, ignore=shutil.ignore_patterns("variables.data-*"))
            signal.pause()
        print(count, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
