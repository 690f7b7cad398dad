"""What every model must do: train, improve, save, reload, answer the same, and be safe with unknown ids."""

import importlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.models import checkerboard
from tests.models.checkerboard import GENRES, MOVIES, USERS, movies, ratings, taste, unrated
from tests.unit.trainer_module.conftest import Transformed, run_transform
from tests.unit.trainer_module.tiny_world import example, write
from trainer_module import features

pytestmark = pytest.mark.slow

FIT = {"epochs": 30, "patience": 30, "batch_size": 64, "learning_rate": 0.01, "validation_share": 0.1}
SMALL = {**FIT, "embedding_dim": 8, "dropout": 0.1}
# Some ratings of each user say little against the penalties that suit tens of thousands.
RATED = {**SMALL, "hidden_units": [16], "l2_factors": 0.005, "l2_history": 0.002, "l2_biases": 0.001}
# By name: the module of its `run_fn`, and its hyperparameters.
MODELS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "retrieval": ("retrieval", {**SMALL, "top_k": MOVIES}),
    **{
        f"ranking, {structure}": ("ranking", {**RATED, "structure": structure})
        for structure in ("stacked", "parallel", "low_rank", "dnn", "svdpp")
    },
    **{
        f"joint, {structure}": ("joint", {**RATED, "structure": structure, "top_k": MOVIES})
        for structure in ("stacked", "svdpp")
    },
}


@dataclass(frozen=True)
class Trained:
    """A model after its `run_fn`.

    Attributes:
        folder: of the SavedModel.
        signatures: by name.
        fit: what its fit left.
    """

    folder: Path
    signatures: Mapping[str, Any]
    fit: Mapping[str, Any]

    @property
    def ranks(self) -> bool:
        return features.RECOMMEND in self.signatures

    @property
    def rates(self) -> bool:
        return features.RANK in self.signatures

    def lists(self, users: list[str]) -> tuple[list[list[str]], list[bool]]:
        """The whole catalogue without what each has rated, best first, and who is known."""
        found = self.signatures[features.SERVING_DEFAULT](user_id=tf.constant(users))
        ids = [
            [movie.decode() for movie in row if movie] for row in found[features.MOVIE_ID].numpy().tolist()
        ]
        return ids, found[features.KNOWN_USER].numpy().tolist()

    def ratings(self, users: list[str], candidates: list[list[str]]) -> Any:
        asked = {"user_id": tf.constant(users), "movie_id": tf.constant(candidates)}
        return self.signatures[features.RANK](**asked)[features.USER_RATING].numpy()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Transformed, str]:
    """The checkerboard after Transform, and its catalogue."""
    folder = tmp_path_factory.mktemp("checkerboard")
    return run_transform(folder, ratings()), write(folder / "movies.gz", movies())


@pytest.fixture(scope="module", params=MODELS)
def trained(
    request: pytest.FixtureRequest, world: tuple[Transformed, str], tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    module, hyperparameters = MODELS[request.param]
    folder = tmp_path_factory.mktemp(module)
    transformed, catalogue = world
    importlib.import_module(f"trainer_module.{module}").run_fn(
        SimpleNamespace(
            train_files=[transformed.files],
            eval_files=[],
            movie_files=[catalogue],
            transform_graph_path=transformed.path,
            serving_model_dir=str(folder / "model"),
            model_run_dir=str(folder / "run"),
            hyperparameters=None,
            custom_config={
                "hyperparameters": hyperparameters,
                "seed": 1,
                "history_length": 12,
                "code_fingerprint": "",
            },
        )
    )
    return Trained(
        folder / "model",
        tf.saved_model.load(str(folder / "model")).signatures,
        json.loads((folder / "run" / features.FIT_FILE).read_text()),
    )


EVERYBODY = [f"u{number}" for number in range(USERS)]


def test_it_improves(trained: Trained) -> None:
    losses = trained.fit["epochs"]["loss"]
    assert losses[-1] < 0.95 * losses[0]
    figures = trained.fit["epochs"][trained.fit["monitor"]]
    assert trained.fit["best"] != figures[0]
    assert trained.fit["best"] in (min(figures), max(figures))


def test_it_finds_the_planted_tastes(trained: Trained) -> None:
    rows = ratings()
    left = [unrated(number, rows) for number in range(USERS)]
    if trained.ranks:
        lists, known = trained.lists(EVERYBODY)
        assert all(known)
        first = [
            len(own & set(ranked[: len(own)])) / len(own)
            for ranked, (own, _) in zip(lists, left, strict=True)
        ]
        # By chance, and by popularity, 4 of 15.
        assert np.mean(first) > 0.8
        assert all(set(ranked) == own | other for ranked, (own, other) in zip(lists, left, strict=True))
    if trained.rates:
        everything = [f"m{number}" for number in range(MOVIES)]
        found = trained.ratings(EVERYBODY, [everything] * USERS)
        own = np.equal.outer(
            [taste(number) for number in range(USERS)], [taste(number) for number in range(MOVIES)]
        )
        # 4.5 and 1.5 stars are right; penalties keep predictions closer together.
        liked, disliked = np.mean(found[own]), np.mean(found[~own])
        assert liked - disliked > 1.5
        assert np.mean((found > (liked + disliked) / 2) == own) > 0.95


def test_a_copy_elsewhere_gives_the_same_answers(trained: Trained, tmp_path: Path) -> None:
    shutil.copytree(trained.folder, tmp_path / "copy")
    moved = trained.folder.rename(trained.folder.with_name("away"))
    try:
        copy = tf.saved_model.load(str(tmp_path / "copy")).signatures
        assert set(copy) == set(trained.signatures)
        rows = tf.constant([example(row) for row in ratings()[:50]])
        again = copy[features.EVALUATE](examples=rows)
        for name, values in trained.signatures[features.EVALUATE](examples=rows).items():
            np.testing.assert_array_equal(values.numpy(), again[name].numpy())
    finally:
        moved.rename(trained.folder)


def test_unknown_ids_are_safe(trained: Trained) -> None:
    strangers = ["nobody", "", "u1"]
    if trained.ranks:
        lists, known = trained.lists(strangers)
        assert known == [False, False, True]
        everything = {f"m{number}" for number in range(MOVIES)}
        assert [set(ranked) for ranked in lists[:2]] == [everything, everything]
    if trained.rates:
        found = trained.ratings(strangers, [["m1", "no-such", ""]] * 3)
        assert np.isfinite(found).all()
        assert ((found >= 1) & (found <= 5)).all()
        row = {**ratings()[0], "user_id": "nobody", "movie_id": "no-such", "movie_genres": [GENRES[1]]}
        signature = features.RANK_EXAMPLES if trained.ranks else features.SERVING_DEFAULT
        answer = trained.signatures[signature](examples=tf.constant([example(row)]))
        assert 1 <= answer[features.USER_RATING].numpy()[0] <= 5


def test_the_world_has_no_popularity_to_lean_on() -> None:
    rows = ratings()
    counts = [sum(row["movie_id"] == f"m{number}" for row in rows) for number in range(MOVIES)]
    assert max(counts) < 2 * min(counts)
    assert len(rows) == USERS * (checkerboard.OWN + checkerboard.OTHER)
