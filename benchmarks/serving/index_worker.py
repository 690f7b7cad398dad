"""Loads one index from a SavedModel, times its answers and prints its memory, as a line of JSON.

`python -m benchmarks.serving.index_worker FOLDER SECONDS` times each batch size for so long. queries.npy lies
beside FOLDER, and the positions found go to FOLDER.npy.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Final

import numpy as np
import psutil
import tensorflow as tf

from benchmarks.serving.timings import measure

QUERIES: Final = "queries"
POSITIONS: Final = "positions"
QUERIES_FILE: Final = "queries.npy"
BATCH_SIZES: Final = (1, 32)


def main(folder: Path, seconds: float) -> None:
    """Measures one index."""
    queries = np.load(folder.parent / QUERIES_FILE)
    # What TensorFlow itself needs is there before the first look at memory.
    tf.matmul(queries[:1], queries[:1], transpose_b=True)
    before = psutil.Process().memory_info().rss
    model = tf.saved_model.load(str(folder))
    search = model.signatures["serving_default"]
    loaded = psutil.Process().memory_info().rss
    batches = {}
    for size in BATCH_SIZES:

        def call(number: int, size: int = size) -> object:
            rows = (number * size + np.arange(size)) % len(queries)
            return search(queries=tf.constant(queries[rows]))[POSITIONS].numpy()

        timings = measure(call, concurrency=1, seconds=seconds)
        batches[size] = timings.p50, timings.p99
    # ru_maxrss counts kilobytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = [
        search(queries=tf.constant(queries[at : at + 32]))[POSITIONS].numpy()
        for at in range(0, len(queries), 32)
    ]
    np.save(folder.parent / f"{folder.name}.npy", np.concatenate(found))
    print(json.dumps({"batches": batches, "loaded_bytes": loaded - before, "peak_bytes": peak - before}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
