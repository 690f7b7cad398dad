"""Warm-up requests are real, and the model that they come with answers them."""

from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from components.atomic_pusher.warmup import read_ratings, warm_up_file
from tests.unit.components.atomic_pusher.tiny_models import rating

USERS = [str(user) for user in range(1, 41)]
RATINGS = [rating(user, str(int(user) % 7), [str(movie) for movie in range(int(user) % 3)]) for user in USERS]


def requests(file: bytes, folder: Path) -> list[predict_pb2.PredictRequest]:
    (folder / "file").write_bytes(file)
    records = tf.data.TFRecordDataset(str(folder / "file")).as_numpy_iterator()
    return [prediction_log_pb2.PredictionLog.FromString(record).predict_log.request for record in records]


def test_every_signature_for_clients_is_called_and_answers(tmp_path: Path, models: list[Path]) -> None:
    model = tf.saved_model.load(str(models[0]))
    by_signature = {}
    for request in requests(warm_up_file(str(models[0]), "tiny", RATINGS), tmp_path):
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        answer = model.signatures[request.model_spec.signature_name](**inputs)
        by_signature[request.model_spec.signature_name, len(answer["score"])] = inputs
        assert request.model_spec.name == "tiny"
        assert not request.model_spec.HasField("version")
    # Those of the Evaluator and with inputs outside the contract are left out.
    names = {
        "serving_default",
        "recommend",
        "recommend_from_history",
        "similar_movies",
        "rank",
        "of_examples",
    }
    assert set(by_signature) == {(name, batch) for name in names for batch in (1, 32)}

    def texts(signature: str, name: str) -> list[object]:
        found: list[object] = by_signature[signature, 32][name].numpy().astype(str).tolist()
        return found

    assert texts("serving_default", "user_id") == USERS[:32]
    assert texts("similar_movies", "movie_id") == [str(int(user) % 7) for user in USERS[:32]]
    assert texts("rank", "movie_id") == [["1", "2", "3", "4", "5", "6", "0"]] * 32
    assert texts("recommend", "exclude_movie_ids")[:3] == [["0", ""], ["0", "1"], ["", ""]]
    assert by_signature["recommend", 32]["k"].numpy() == 10
    assert by_signature["of_examples", 32]["examples"].numpy().tolist() == RATINGS[:32]


def test_few_ratings_make_small_requests(tmp_path: Path, models: list[Path]) -> None:
    found = requests(warm_up_file(str(models[0]), "tiny", RATINGS[:3]), tmp_path)
    sizes = {
        request.inputs["user_id"].tensor_shape.dim[0].size for request in found if "user_id" in request.inputs
    }
    assert sizes == {1, 3}


def test_examples_come_from_the_split(tmp_path: Path) -> None:
    for shard in (0, 1):
        path = str(tmp_path / f"data-{shard}.gz")
        with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
            for record in RATINGS[shard * 20 : shard * 20 + 20]:
                writer.write(record)
    assert read_ratings(str(tmp_path), 30) == RATINGS[:30]
