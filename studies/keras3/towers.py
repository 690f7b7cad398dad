"""Trains a pair of towers over ids with TFRS on Keras 2, or with KerasRS on Keras 3.

`python towers.py LIBRARY DATA OUTPUT`, where LIBRARY is `tfrs` or `keras-rs`. It imports nothing of the
project, so an environment with TensorFlow and KerasRS alone runs it.

DATA is an `.npz` file with the weights of each tower, `users_0`, `users_1`, ... and `movies_0`, ...; with
`user` and `movie`, the positions of each rating of every batch, [batches, B]; with `probability`, the share
of the ratings that each movie has, [M]; and with `learning_rate`. OUTPUT gets `users` [U, D] and `movies`
[M, D].

Both libraries minimize the same loss: of each rating of a batch, the softmax cross-entropy of its movie among
the movies of the batch, summed. Scores are corrected by how often a movie is drawn, and those of the movie
itself elsewhere in the batch are left out.
"""

import sys
from typing import Any

import numpy as np


def tfrs_towers(users: Any, movies: Any, probability: Any) -> Any:
    """The model of TensorFlow Recommenders."""
    import tensorflow as tf
    import tensorflow_recommenders as tfrs

    class TfrsTowers(tfrs.Model):
        def __init__(self) -> None:
            super().__init__()
            self.users, self.movies = users, movies
            self._task = tfrs.tasks.Retrieval(remove_accidental_hits=True)

        def compute_loss(self, inputs: Any, training: bool = False) -> Any:
            ((user, movie),) = inputs
            return self._task(
                self.users(user, training=training),
                self.movies(movie, training=training),
                candidate_sampling_probability=tf.gather(probability, movie),
                candidate_ids=movie,
                compute_metrics=False,
            )

    return TfrsTowers()


def keras_rs_towers(users: Any, movies: Any, probability: Any) -> Any:
    """The same model of KerasRS, whose layers do what the task of TFRS does."""
    import keras
    import keras_rs

    class KerasRsTowers(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.users, self.movies = users, movies
            self._correct = keras_rs.layers.SamplingProbabilityCorrection()
            self._remove = keras_rs.layers.RemoveAccidentalHits()

        def call(self, inputs: Any, training: bool = False) -> Any:
            user, movie = inputs
            scores = keras.ops.matmul(
                self.users(user, training=training),
                keras.ops.transpose(self.movies(movie, training=training)),
            )
            corrected = self._correct(scores, keras.ops.take(probability, movie))
            return self._remove(corrected, keras.ops.eye(keras.ops.shape(movie)[0]), movie)

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *others: Any) -> Any:
            labels = keras.ops.eye(keras.ops.shape(y_pred)[0])
            return keras.ops.sum(keras.losses.categorical_crossentropy(labels, y_pred, from_logits=True))

    return KerasRsTowers()


def tower(keras: Any, weights: list[Any]) -> Any:
    """A table of embeddings and dense layers, all but the last with a ReLU, of the given weights."""
    table, *dense = weights
    layers = [keras.layers.Embedding(*table.shape)]
    for place, kernel in enumerate(dense[::2]):
        last = 2 * place + 2 == len(dense)
        layers.append(keras.layers.Dense(kernel.shape[1], activation=None if last else "relu"))
    model = keras.Sequential(layers)
    model(np.zeros(1, np.int32))
    model.set_weights(weights)
    return model


def main(library: str, data: str, output: str) -> None:
    """Trains once over the batches and writes the embeddings."""
    import tensorflow as tf

    if library == "keras-rs":
        import keras
    else:
        keras = tf.keras
    with np.load(data) as arrays:
        values = dict(arrays)
    users, movies = (
        tower(keras, [values[name] for name in sorted(values) if name.startswith(f"{side}_")])
        for side in ("users", "movies")
    )
    make = keras_rs_towers if library == "keras-rs" else tfrs_towers
    model = make(users, movies, tf.constant(values["probability"], tf.float32))
    model.compile(optimizer=keras.optimizers.Adam(float(values["learning_rate"])))
    batches = tf.data.Dataset.from_tensor_slices((values["user"], values["movie"]))
    # One element of a data set is what a model is called with: here a pair.
    model.fit(batches.map(lambda user, movie: ((user, movie),)), verbose=0)
    embeddings = {
        name: model_of_side.predict(np.arange(len(values[f"{name}_0"])), batch_size=4096, verbose=0)
        for name, model_of_side in (("users", users), ("movies", movies))
    }
    np.savez(output, **embeddings)


if __name__ == "__main__":
    main(*sys.argv[1:])
