"""Tries whether a SavedModel answers the Evaluator's questions about Examples; in a process of its own.

Run as a file, not as a module: it needs TensorFlow and nothing of ours, so what is tried is the SavedModel
alone, and a crash in it takes nobody else along. Prints one JSON object with what is wrong, "" if nothing is.
"""

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_BATCH = 1_024
# The last words of a process that died, such as those of an out-of-memory error.
_LAST_WORDS = 300


def unreadable(model: str, split: str, signature: str, outputs: dict[str, int]) -> str:
    """Why a model cannot be evaluated on Examples, "" if it can.

    Args:
      model: folder of the SavedModel.
      split: folder of gzipped TFRecord files with the Examples.
      signature: takes serialized Examples [B].
      outputs: those that it has to have, one of them at least, with their number of dimensions.
    """
    command = [sys.executable, "-I", str(Path(__file__).resolve()), model, split, signature]
    done = subprocess.run([*command, json.dumps(outputs)], capture_output=True, text=True, check=False)
    if done.returncode < 0:
        return f"its process was ended by signal {-done.returncode}"
    try:
        problem: str = json.loads(done.stdout.splitlines()[-1])["problem"]
    except (IndexError, ValueError, KeyError, TypeError):
        words = " ".join(done.stderr.split())[-_LAST_WORDS:]
        return f"its process ended with status {done.returncode}: {words}"
    return problem


def _problem(model: str, split: str, signature: str, outputs: dict[str, int]) -> str:
    import tensorflow as tf

    try:
        # Bound to a name: a signature works for as long as the model exists.
        loaded = tf.saved_model.load(model)
    except Exception as error:
        return f"it cannot be loaded ({_message(error)})"
    if signature not in loaded.signatures:
        return f"it does not have the signature {signature!r}"
    answer = loaded.signatures[signature]
    expected = {name: rank for name, rank in outputs.items() if name in answer.structured_outputs}
    if not expected:
        return f"its signature {signature!r} does not have the output {' or '.join(map(repr, outputs))}"
    [(argument, _)] = answer.structured_input_signature[1].items()
    files = sorted(tf.io.gfile.glob(f"{split}/*"))
    start = 0
    for batch in tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_BATCH):
        rows = int(tf.size(batch))
        where = (
            f"its signature {signature!r} fails on rows {start + 1:,} to {start + rows:,} of today's Examples"
        )
        try:
            found = answer(**{argument: batch})
        except Exception as error:
            return f"{where} ({_message(error)})"
        for name, rank in expected.items():
            if wrong := _wrong(tf, found[name], rows, rank):
                return f"{where} ({name} {wrong})"
        start += rows
    return ""


def _wrong(tf: Any, values: Any, rows: int, rank: int) -> str:
    if values.shape.rank != rank or values.shape[0] != rows:
        return f"has the shape {values.shape.as_list()}"
    if values.dtype.is_floating and not bool(tf.reduce_all(tf.math.is_finite(values))):
        return "is not finite"
    return ""


def _message(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    # TensorFlow's message has the place, then the problem, then the node.
    what = next((line for line, after in itertools.pairwise(lines) if after.startswith("[[{{node")), lines[0])
    return f"{type(error).__name__}: {what}"[:_LAST_WORDS]


if __name__ == "__main__":
    _model, _split, _signature, _outputs = sys.argv[1:]
    print(json.dumps({"problem": _problem(_model, _split, _signature, json.loads(_outputs))}))
