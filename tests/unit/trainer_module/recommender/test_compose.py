"""`compose_fn`: reads what training left, fits the order, and writes both SavedModels and the record."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from contracts import artifacts, signatures
from tests.unit.trainer_module.loaded_model import load
from tests.unit.trainer_module.recommender.planted_stages import (
    MOVIES,
    STARS,
    TRAINING,
    PlantedRanking,
    listed,
    save_ranking,
    save_retrieval,
)
from trainer_module.recommender.compose import ComposerArgs, compose_fn, read_validation_lists

USERS = list(TRAINING)


def write_lists(folder: Path, found: str) -> None:
    """Writes lists a, b, ... f of all users, each of whom gave a movie of `found` 5 stars, and z 2."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = range(len(USERS))
    np.savez(
        folder / artifacts.VALIDATION_LISTS_FILE,
        user_id=np.array([user.encode() for user in USERS]),
        movie_id=np.array([MOVIES.ids] * len(USERS)).astype(np.bytes_),
        target_user=np.array([*numbers, *numbers]),
        target_movie_id=np.array([found.encode()] * len(USERS) + [b"z"] * len(USERS)),
        target_rating=np.array([5.0] * len(USERS) + [2.0] * len(USERS)),
    )


def make_args(folder: Path, liked: str) -> ComposerArgs:
    """Trained stages and what training left, where `liked` is what everybody liked best."""
    write_lists(folder / "retrieval_run", liked)
    (folder / "assets").mkdir()
    validation = PlantedRanking(folder / "assets", STARS, STARS).known
    tf.saved_model.save(validation, str(folder / "ranking_run" / artifacts.VALIDATION_RANKING))
    args: ComposerArgs = SimpleNamespace(
        retrieval_model=save_retrieval(folder / "retrieval", 6),
        ranking_model=save_ranking(folder / "ranking"),
        retrieval_run=str(folder / "retrieval_run"),
        ranking_run=str(folder / "ranking_run"),
        serving_model_dir=str(folder / "recommender"),
        ranking_model_dir=str(folder / "reranking"),
        record_file=str(folder / artifacts.FINAL_ORDER_FILE),
    )
    return args


def test_lists_are_read_with_the_stars_of_what_was_held_out(tmp_path: Path) -> None:
    write_lists(tmp_path, "c")
    lists = read_validation_lists(str(tmp_path))
    assert lists.user_id.tolist() == [user.encode() for user in USERS]
    assert lists.movie_id[0].tolist() == [b"a", b"b", b"c", b"d", b"e", b"f"]
    assert lists.stars.tolist() == [[0, 0, 5, 0, 0, 0]] * len(USERS)
    # What retrieval did not find counts as wanted.
    wanted, users = lists.wanted
    assert wanted.tolist() == [5.0] * len(USERS) + [2.0] * len(USERS)
    assert users.tolist() == [*range(len(USERS))] * 2


def test_training_that_left_no_lists_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        read_validation_lists(str(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize(("liked", "first"), [("c", "c"), ("a", "a")])
def test_fitted_order_is_in_both_models_and_in_the_record(tmp_path: Path, liked: str, first: str) -> None:
    args = make_args(tmp_path, liked)
    record = compose_fn(args)
    assert json.loads(Path(args.record_file).read_text("utf-8")) == record
    # c has the most stars of all; retrieval has a at the first place already.
    assert (record["weight"] > 0) == (liked == "c")
    assert record["validation"]["users"] == len(USERS)
    recommended = load(args.serving_model_dir)[signatures.RECOMMEND](
        user_id=tf.constant(["new"]), exclude_movie_ids=tf.zeros([1, 0], tf.string), k=tf.constant(5)
    )
    assert listed(recommended)[0][0] == first
    assert args.ranking_model_dir is not None
    reranked = load(args.ranking_model_dir)[signatures.RERANK](
        user_id=tf.constant(["new"]),
        movie_id=tf.constant([list("acdef")]),
        retrieval_score=tf.constant([[6.0, 4.0, 3.0, 2.0, 1.0]]),
    )
    scores = dict(zip("acdef", reranked[signatures.SCORE][0].tolist(), strict=True))
    assert sorted(scores, key=scores.__getitem__, reverse=True) == list(listed(recommended)[0])
