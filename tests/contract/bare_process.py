"""Answers for SavedModels in a process that has TensorFlow and nothing of ours, TFRS or TFX.

Run by `tests/contract/conftest.py` with `python -I -S`, so that not even our .pth files are read. It takes
the paths of site-packages and of one SavedModel per name as arguments, reads pickled requests
`(model, signature, {input: (dtype, value)})` from standard input, and answers with a pickled dict of NumPy
arrays, or with the text of the error. The signature "" requests a description of all signatures.
"""

import importlib.abc
import os
import pickle
import sys

FOREIGN = {
    *(
        "components",
        "contracts",
        "movielens",
        "local_runner",
        "pipeline",
        "schema",
        "serving",
        "trainer_module",
    ),
    *("tensorflow_recommenders", "tensorflow_transform", "tensorflow_model_analysis", "tensorflow_metadata"),
    *("apache_beam", "ml_metadata", "tfx", "tfx_bsl"),
}


class Refusal(importlib.abc.MetaPathFinder):
    """Refuses every import of what a serving machine does not have."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in FOREIGN:
            raise ModuleNotFoundError(f"{name} is not there for whoever serves the models")


def main(site_packages: str, *named_models: str) -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # What libraries print must not mix with the answers.
    sys.meta_path.insert(0, Refusal())
    sys.path.append(site_packages)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

    import tensorflow as tf

    models = {}
    for named in named_models:
        name, _, path = named.partition("=")
        models[name] = tf.saved_model.load(path)

    def specs(by_name):
        return {name: (spec.dtype.name, spec.shape.as_list()) for name, spec in by_name.items()}

    while True:
        try:
            model, signature, inputs = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            if signature:
                tensors = {name: tf.constant(value, dtype) for name, (dtype, value) in inputs.items()}
                result = models[model].signatures[signature](**tensors)
                answer = {name: tensor.numpy() for name, tensor in result.items()}
            else:
                answer = {
                    name: (specs(function.structured_input_signature[1]), specs(function.structured_outputs))
                    for name, function in models[model].signatures.items()
                }
        except Exception as error:  # The caller reports it.
            answer = f"{type(error).__name__}: {error}"
        assert not FOREIGN & {name.partition(".")[0] for name in sys.modules}
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
