"""Whether the TensorFlow of one stack answers for the models of the other as that of their own stack does.

`python tests/exchanged_models.py RUNS` loads the newest version of every model below RUNS/serving and calls
its signatures. Run first in the stack that made them, it writes RUNS/answers.npz. Run in another, it
compares. `tests/current_stack.sh exchange` does both, in both directions.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

ANSWERS = "answers.npz"
TOLERANCE = 1e-5
USERS = 32


def answers(model: Path) -> dict[str, np.ndarray]:
    """The outputs of every signature that takes ids, by `<model> <signature> <output>`."""
    loaded = tf.saved_model.load(str(model))
    [users] = model.parent.parent.glob("retrieval/*/assets/users.txt")
    user_ids = users.read_text(encoding="utf-8").split("\n")[:USERS]
    movies = tf.constant([["1", "2", "3", ""]] * (len(user_ids) + 1))
    inputs = {
        "user_id": tf.constant([*user_ids, "nobody"]),
        "movie_id": movies,
        "history_movie_ids": movies,
        "exclude_movie_ids": movies,
        "retrieval_score": tf.zeros(movies.shape),
        "k": tf.constant(10),
    }
    found = {}
    for name, signature in loaded.signatures.items():
        wanted = signature.structured_input_signature[1]
        if wanted.keys() <= inputs.keys():
            # `similar_movies` takes one movie where the others take a list.
            given = {
                key: inputs[key][:, 0] if inputs[key].shape.rank > spec.shape.rank else inputs[key]
                for key, spec in wanted.items()
            }
            for output, tensor in signature(**given).items():
                found[f"{model.parent.name} {name} {output}"] = _plain(tensor.numpy())
    return found


def compare(written: dict[str, np.ndarray], now: dict[str, np.ndarray]) -> list[str]:
    """What differs, a line each."""
    problems = [f"{name}: is answered by one alone" for name in written.keys() ^ now.keys()]
    for name in written.keys() & now.keys():
        ours, theirs = now[name], written[name]
        if np.issubdtype(ours.dtype, np.floating):
            same = np.allclose(ours, theirs, rtol=0, atol=TOLERANCE)
        else:
            same = np.array_equal(ours, theirs)
        if not same:
            problems.append(f"{name}: differs")
    return problems


def _plain(values: np.ndarray) -> np.ndarray:
    """Texts as bytes of one width, which an .npz file holds without pickles."""
    return values.astype(np.bytes_) if values.dtype == object else values


def main(runs: Path) -> int:
    newest = [max(folder.glob("[0-9]*")) for folder in sorted((runs / "serving").iterdir())]
    now = {name: value for model in newest for name, value in answers(model).items()}
    file = runs / ANSWERS
    if not file.exists():
        np.savez(file, tensorflow=tf.__version__, **now)
        print(f"{file}: {len(now)} outputs of {len(newest)} models, TensorFlow {tf.__version__}")
        return 0
    with np.load(file) as archive:
        written = dict(archive)
    other = written.pop("tensorflow")
    problems = compare(written, now)
    print(*problems, sep="\n", end="\n" if problems else "")
    print(
        f"{runs}: {len(now)} outputs of {len(newest)} models, TensorFlow {tf.__version__} beside {other}: "
        f"{len(problems)} differ by more than {TOLERANCE:g}"
    )
    return 1 if problems or not now else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
