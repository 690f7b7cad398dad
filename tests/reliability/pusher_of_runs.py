"""Pushes the models of one run after the other until it is killed; imports nothing that takes time.

Arguments: the folder of the servables, and one SavedModel for each run, which all servables of
the run are. Prints a line for each push.
"""

import itertools
import sys
from pathlib import Path

from components.atomic_pusher.manifest import Provenance
from components.atomic_pusher.publishing import PushCandidate, Retention, push
from contracts.signatures import PUBLISHED_TOGETHER


def main(serving: str, *models: str) -> None:
    # The first of them is what the last process may have pushed.
    for model in itertools.cycle(models):
        candidates = [
            PushCandidate(str(Path(serving, name)), model, Provenance()) for name in PUBLISHED_TOGETHER
        ]
        # Fewer than there are models, so that each is new when its turn comes again.
        print(push(candidates, Retention(2))[0].version, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
