"""What the pushed ranking model answers."""

import re
from collections.abc import Mapping

import numpy as np
import pytest
import tensorflow as tf

from contracts.signatures import MAX_ROWS
from tests.contract.served_models import ServedModels
from tests.pipeline_run import PipelineRun

pytestmark = pytest.mark.slow

Rated = Mapping[str, set[str]]
OPTIONAL = {
    *("raw_user_age", "bucketized_user_age", "user_gender", "user_occupation_text", "user_zip_code"),
    *("movie_release_year", "history_movie_ids", "history_ratings"),
}


@pytest.fixture(scope="module")
def eval_examples(sample_run: PipelineRun) -> list[bytes]:
    """The serialized Examples that the Evaluator saw."""
    [split] = (sample_run.output / "artifacts" / "RatingsGen" / "examples").glob("*/Split-eval")
    files = [str(path) for path in split.iterdir()]
    return list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())


def _predict(served: ServedModels, examples: list[bytes]) -> np.ndarray:
    ratings = []
    # Without any examples the model is called all the same.
    for start in range(0, max(len(examples), 1), MAX_ROWS):
        some = np.array(examples[start : start + MAX_ROWS], object)
        answer = served.call("ranking", "serving_default", examples=some)
        assert list(answer) == ["user_rating"]
        ratings.append(answer["user_rating"])
    return np.concatenate(ratings)


def _without(examples: list[bytes], names: set[str]) -> list[bytes]:
    found = []
    for serialized in examples:
        example = tf.train.Example.FromString(serialized)
        for name in names & set(example.features.feature):
            del example.features.feature[name]
        found.append(example.SerializeToString())
    return found


def test_served_ratings_are_as_good_as_in_the_run(
    served: ServedModels, sample_run: PipelineRun, eval_examples: list[bytes]
) -> None:
    truth = [
        tf.train.Example.FromString(example).features.feature["user_rating"].float_list.value[0]
        for example in eval_examples
    ]
    rmse = np.sqrt(np.mean((_predict(served, eval_examples) - truth) ** 2))
    printed = re.match(r"rmse ([\d.]+)", sample_run.summaries["RankingEvaluator"])
    assert printed is not None
    assert rmse == pytest.approx(float(printed[1]), abs=6e-4)


def test_answer_does_not_look_at_the_rating_that_it_predicts(
    served: ServedModels, eval_examples: list[bytes]
) -> None:
    some = eval_examples[:200]
    assert (_predict(served, _without(some, {"user_rating"})) == _predict(served, some)).all()


def test_optional_features_may_be_absent(served: ServedModels, eval_examples: list[bytes]) -> None:
    some = eval_examples[:200]
    present = set(tf.train.Example.FromString(some[0]).features.feature)
    assert present >= OPTIONAL
    with_them = _predict(served, some)
    without = _predict(served, _without(some, OPTIONAL))
    assert ((without >= 1) & (without <= 5)).all()
    # They carry information about the user, so most answers differ.
    assert np.mean(without != with_them) > 0.5
    for name in OPTIONAL - {"history_movie_ids", "history_ratings"}:
        assert np.isfinite(_predict(served, _without(some, {name}))).all(), name


def test_ratings_of_everyone_for_everything_are_on_the_scale(
    served: ServedModels, titles: dict[str, str], rated: Rated
) -> None:
    users = list(rated)
    answer = served.call("ranking", "rank", user_id=users, movie_id=[list(titles)] * len(users))
    ratings = answer["user_rating"]
    assert ratings.shape == (len(users), len(titles))
    assert ((ratings >= 1) & (ratings <= 5)).all()
    # People differ about movies, and movies differ for people.
    assert ratings.std(axis=0).mean() > 0.1
    assert ratings.std(axis=1).mean() > 0.1


def test_each_user_has_candidates_of_their_own(served: ServedModels) -> None:
    users, candidates = ["1", "2", "3"], [["1", "2"], ["3", "4"], ["2", "1"]]
    together = served.call("ranking", "rank", user_id=users, movie_id=candidates)["user_rating"]
    for row, (user, movies) in enumerate(zip(users, candidates, strict=True)):
        for column, movie in enumerate(movies):
            alone = served.call("ranking", "rank", user_id=[user], movie_id=[[movie]])["user_rating"]
            assert together[row, column] == pytest.approx(alone[0, 0], abs=1e-5)


def test_unknown_users_and_unknown_movies_get_a_rating_too(
    served: ServedModels, titles: dict[str, str]
) -> None:
    movies = [*list(titles)[:50], "none"]
    answer = served.call("ranking", "rank", user_id=["nobody", "1"], movie_id=[movies] * 2)
    ratings = answer["user_rating"]
    assert ((ratings >= 1) & (ratings <= 5)).all()
    # What an unknown user gets still depends on the movie.
    assert ratings[0, :50].std() > 0.1


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_batches_of_any_size(size: int, served: ServedModels, eval_examples: list[bytes]) -> None:
    assert _predict(served, eval_examples[:size]).shape == (size,)
    users = np.array([str(row % 150 + 1) for row in range(size)], object)
    movies = np.array([["1", "2", "3"]] * size, object).reshape(size, 3)
    assert served.call("ranking", "rank", user_id=users, movie_id=movies)["user_rating"].shape == (size, 3)


def test_no_candidates_no_ratings(served: ServedModels) -> None:
    answer = served.call("ranking", "rank", user_id=["1"], movie_id=[[]])
    assert answer["user_rating"].shape == (1, 0)
