"""The warm-up requests that come with the pushed models: real ones, and the models answer them."""

from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.contract.served_models import ServedModels
from tests.pipeline_run import PipelineRun

pytestmark = pytest.mark.slow

SIGNATURES = {
    "retrieval": {"serving_default", "recommend", "recommend_from_history", "similar_movies"},
    "ranking": {"serving_default", "rank"},
}


@pytest.mark.parametrize("model", SIGNATURES)
def test_warm_up_requests_cover_every_signature_with_real_users(
    model: str, served: ServedModels, sample_run: PipelineRun, rated: dict[str, set[str]]
) -> None:
    file: Path = sample_run.model(model) / "assets.extra" / "tf_serving_warmup_requests"
    requests = set()
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        assert request.model_spec.name == model
        signature = request.model_spec.signature_name
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        answer = served.call(model, signature, **inputs)
        for name in {"known_user", "known_movie"} & set(answer):
            assert answer[name].all()
        if "user_id" in inputs:
            assert {user.decode() for user in inputs["user_id"]} <= set(rated)
        requests.add((signature, len(next(iter(answer.values())))))
    assert requests == {(signature, batch) for signature in SIGNATURES[model] for batch in (1, 32)}
