"""Answers for one SavedModel in a process that has TensorFlow and nothing of ours, TFRS or TFX.

`components.model_probe.probed_process` runs this file with `python -I -S`, so that not even .pth files are
read: an editable install is not there, and an import of what lies beside TensorFlow is refused. The arguments
are the folders of installed packages. Requests and answers are pickles behind their length (8 bytes, big
endian), on standard input and output:

    (to start with)                                     -> "ready"
    ("load", path)                                      -> {signature: (inputs, outputs)}, each
                                                           {name: (type, shape or None)}
    ("call", signature, {input: (type, value)}, times)  -> ({output: NumPy array}, [seconds of each time])

An answer is ("answer", value), or ("error", text) where TensorFlow refused.
"""

import importlib.abc
import os
import pickle
import struct
import sys
import time
from typing import Any

FOREIGN = {
    *(
        "components",
        "contracts",
        "distances",
        "movielens",
        "kubeflow_runner",
        "local_runner",
        "pipeline",
        "reports",
        "schema",
    ),
    *("serving", "trainer_module"),
    *("tensorflow_recommenders", "tensorflow_transform", "tensorflow_model_analysis", "tensorflow_metadata"),
    *("apache_beam", "ml_metadata", "tfx", "tfx_bsl"),
}
# TensorFlow loads Keras if it can, for whoever builds models. Answering needs none of it.
KERAS = ("keras.src", "tf_keras")
LENGTH = struct.Struct(">Q")


class Refusal(importlib.abc.MetaPathFinder):
    """Refuses every import of what a serving machine does not have."""

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        """Raises for a foreign name, and leaves any other to the next finder."""
        if name.partition(".")[0] in FOREIGN or name.startswith(KERAS):
            raise ModuleNotFoundError(f"{name} is not there for whoever serves the models")


def main(*folders: str) -> None:
    """Answers requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # What libraries print must not mix with the answers.
    sys.meta_path.insert(0, Refusal())
    sys.path.extend(folders)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ.pop("TF_USE_LEGACY_KERAS", None)  # Model servers do not set it.

    import tensorflow as tf

    def send(*answer: object) -> None:
        foreign = FOREIGN & {name.partition(".")[0] for name in sys.modules}
        assert not foreign, f"{foreign} was imported in another way"
        pickled = pickle.dumps(answer)
        answers.write(LENGTH.pack(len(pickled)) + pickled)
        answers.flush()

    def specs(by_name: Any) -> dict[str, tuple[str, list[int | None] | None]]:
        return {
            name: (spec.dtype.name, None if spec.shape.rank is None else spec.shape.as_list())
            for name, spec in by_name.items()
        }

    model: Any = None
    answer: Any
    send("answer", "ready")
    while header := sys.stdin.buffer.read(LENGTH.size):
        kind, *request = pickle.loads(sys.stdin.buffer.read(*LENGTH.unpack(header)))
        try:
            if kind == "load":
                model = tf.saved_model.load(*request)
                answer = {
                    name: (specs(function.structured_input_signature[1]), specs(function.structured_outputs))
                    for name, function in model.signatures.items()
                }
            else:
                signature, inputs, times = request
                tensors = {name: tf.constant(value, dtype) for name, (dtype, value) in inputs.items()}
                seconds = []
                for _ in range(times):
                    started = time.perf_counter()
                    result = model.signatures[signature](**tensors)
                    arrays = {name: tensor.numpy() for name, tensor in result.items()}
                    seconds.append(time.perf_counter() - started)
                answer = (arrays, seconds)
        except Exception as error:  # The caller reports it.
            send("error", f"{type(error).__name__}: {error}")
        else:
            send("answer", answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
