"""`python -m serving batch` over small SavedModels whose answers are known."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from serving.__main__ import main

MOVIES = ("a", "b", "c", "d", "é")
# A user has rated the movies whose ids are in the user's own id, and the model has users without a "?".
USERS = ("u", "uab", "uabcdé", "ü")
# By hand: retrieval's order is that of the alphabet and ranking's the reverse, but for b and c, which tie.
STARS = {"a": 1.0, "b": 3.0, "c": 3.0, "d": 4.0, "é": 5.0, "": 5.0}


class Retrieval(tf.Module):
    """Recommends the alphabet without what is rated, best first; empty slots at the end."""

    def __init__(self, users_file: Path) -> None:
        super().__init__()
        self._users = tf.saved_model.Asset(str(users_file))

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec([None], tf.string, "user_id"),
            tf.TensorSpec([None, None], tf.string, "exclude_movie_ids"),
            tf.TensorSpec([], tf.int32, "k"),
        ],
    )
    def recommend(
        self, user_id: tf.Tensor, exclude_movie_ids: tf.Tensor, k: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        is_rated = [tf.strings.regex_full_match(user_id, f".*{movie}.*") for movie in MOVIES]
        scores = tf.constant([5.0, 4.0, 3.0, 2.0, 1.0]) * tf.ones([tf.size(user_id), 1])
        scores = tf.where(tf.stack(is_rated, axis=1), tf.float32.min, scores)
        best, places = tf.math.top_k(scores, tf.minimum(k, len(MOVIES)))
        found = tf.where(best > tf.float32.min, tf.gather(tf.constant(MOVIES), places), "")
        titles = tf.where(found == "", "", tf.strings.join(["Title of ", found]))
        return {
            "movie_id": found,
            "movie_title": titles,
            "score": best,
            "known_user": ~tf.strings.regex_full_match(user_id, r".*\?.*"),
        }


class Ranking(tf.Module):
    """Rates by `STARS`, for every user; NaN if it has diverged."""

    def __init__(self, diverged: bool) -> None:
        super().__init__()
        keys, values = tf.constant(list(STARS)), tf.constant(list(STARS.values()))
        self._stars = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), 0.0)
        self._factor = float("nan") if diverged else 1.0

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec([None], tf.string, "user_id"),
            tf.TensorSpec([None, None], tf.string, "movie_id"),
        ],
    )
    def rank(self, user_id: tf.Tensor, movie_id: tf.Tensor) -> dict[str, tf.Tensor]:
        del user_id
        return {"user_rating": self._stars.lookup(movie_id) * self._factor}

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec([None], tf.string, "user_id"),
            tf.TensorSpec([None, None], tf.string, "movie_id"),
            tf.TensorSpec([None, None], tf.float32, "retrieval_score"),
        ],
    )
    def rerank(
        self, user_id: tf.Tensor, movie_id: tf.Tensor, retrieval_score: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        del user_id
        stars = self._stars.lookup(movie_id)
        # Retrieval decides where stars are equal, by less than they differ otherwise.
        return {"score": 10 * stars + 0.1 * retrieval_score, "user_rating": stars * self._factor}


class Recommender(Retrieval):
    """The list of retrieval, with ratings."""

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec([None], tf.string, "user_id"),
            tf.TensorSpec([None, None], tf.string, "exclude_movie_ids"),
            tf.TensorSpec([], tf.int32, "k"),
        ],
    )
    def rated(self, user_id: tf.Tensor, exclude_movie_ids: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        found = self.recommend(user_id, exclude_movie_ids, k)
        nan = tf.constant(float("nan"))
        return {**found, "user_rating": tf.where(found["movie_id"] == "", nan, found["score"] / 2)}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    users = folder / "users.txt"
    users.write_text("".join(f"{user}\n" for user in USERS), encoding="utf-8")
    retrieval = Retrieval(users)
    tf.saved_model.save(retrieval, str(folder / "retrieval" / "2"), {"recommend": retrieval.recommend})
    # Neither is a version that could be loaded: a text sort would take the first, a careless one the second.
    (folder / "retrieval" / "9").mkdir()
    (folder / "retrieval" / "10.partial").mkdir()
    for name, diverged in (("ranking", False), ("diverged", True)):
        ranking = Ranking(diverged)
        signatures = {"rank": ranking.rank, "rerank": ranking.rerank}
        tf.saved_model.save(ranking, str(folder / name / "11"), signatures)
        tf.saved_model.save(ranking, str(folder / name / "9"), signatures)
    recommender = Recommender(users)
    tf.saved_model.save(recommender, str(folder / "recommender" / "2"), {"recommend": recommender.rated})
    return folder


Batch = Callable[..., list[dict[str, object]]]


@pytest.fixture
def batch(models: Path, tmp_path: Path) -> Batch:
    """Runs the command and reads what it wrote, row by row."""

    def run(*flags: str) -> list[dict[str, object]]:
        output = tmp_path / "out.parquet"
        assert main(["batch", f"--retrieval={models / 'retrieval'}", f"--output={output}", *flags]) == 0
        assert [path.name for path in tmp_path.iterdir() if path.suffix != ".txt"] == [output.name]
        rows: list[dict[str, object]] = pq.read_table(output).to_pylist()
        return rows

    return run


def lists(rows: list[dict[str, object]]) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for row in rows:
        assert row["movie_title"] == f"Title of {row['movie_id']}"
        movies = found.setdefault(str(row["user_id"]), [])
        movies.append(row["movie_id"])
        assert row["rank"] == len(movies)
    return found


def test_everyone_in_the_table_gets_what_they_have_not_rated(batch: Batch) -> None:
    rows = batch()
    # Who has rated everything does not have a row.
    assert lists(rows) == {"u": list(MOVIES), "uab": ["c", "d", "é"], "ü": list(MOVIES)}
    assert [row["score"] for row in rows][:5] == [5, 4, 3, 2, 1]
    assert {row["predicted_rating"] for row in rows} == {None}


def test_ranking_orders_what_retrieval_found(batch: Batch, models: Path) -> None:
    rows = batch(f"--ranking={models / 'ranking'}", "-k", "3")
    assert lists(rows) == {"u": ["é", "d", "b"], "uab": ["é", "d", "c"], "ü": ["é", "d", "b"]}
    assert [row["predicted_rating"] for row in rows[:3]] == [5, 4, 3]
    assert [row["score"] for row in rows[:3]] == pytest.approx([50.1, 40.2, 30.4])


def test_the_recommender_gives_the_whole_list(models: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    assert main(["batch", f"--recommender={models / 'recommender'}", f"--output={output}"]) == 0
    rows = pq.read_table(output).to_pylist()
    assert lists(rows) == {"u": list(MOVIES), "uab": ["c", "d", "é"], "ü": list(MOVIES)}
    assert [row["predicted_rating"] for row in rows][:5] == [2.5, 2, 1.5, 1, 0.5]
    metadata = pq.read_schema(output).metadata
    assert metadata[b"recommender_version"] == b"2"
    assert not {b"retrieval_version", b"ranking_version"} & set(metadata)


def test_models_of_two_runs_are_noted(batch: Batch, models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    batch(f"--ranking={models / 'ranking'}")
    assert "retrieval is of version 2 and ranking of 11" in capsys.readouterr().err
    batch()
    assert "version" not in capsys.readouterr().err


def test_the_recommender_takes_no_second_stage(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [f"--recommender={models / 'recommender'}", f"--ranking={models / 'ranking'}"]
    assert main(["batch", *flags, f"--output={tmp_path / 'out.parquet'}"]) == 1
    assert "--ranking goes with --retrieval" in capsys.readouterr().err


def test_ranking_sees_the_candidates_alone(batch: Batch, models: Path) -> None:
    rows = batch(f"--ranking={models / 'ranking'}", "-k", "2", "--candidates", "3")
    assert lists(rows)["u"] == ["b", "c"]
    # Never fewer candidates than movies to return.
    rows = batch(f"--ranking={models / 'ranking'}", "-k", "5", "--candidates", "1")
    assert lists(rows)["u"] == ["é", "d", "b", "c", "a"]


def test_users_from_a_file(batch: Batch, tmp_path: Path) -> None:
    users = tmp_path / "some.txt"
    users.write_bytes("ü\r\n\nwho?\nuabcd".encode())
    rows = batch(f"--users={users}", "-k", "2")
    assert lists(rows) == {"ü": ["a", "b"], "who?": ["a", "b"], "uabcd": ["é"]}
    assert [row["known_user"] for row in rows] == [True, True, False, False, True]


@pytest.mark.parametrize("size", ["1", "2", "7", "1000"])
def test_the_batch_size_changes_nothing(batch: Batch, models: Path, size: str) -> None:
    flags = (f"--ranking={models / 'ranking'}", "-k", "4")
    assert batch(*flags, "--batch-size", size) == batch(*flags)


def test_the_versions_that_scored_are_in_the_metadata(models: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    flags = [f"--retrieval={models / 'retrieval' / '2'}", f"--ranking={models / 'ranking'}"]
    assert main(["batch", *flags, f"--output={output}"]) == 0
    metadata = pq.read_schema(output).metadata
    assert metadata[b"retrieval_version"] == b"2"
    assert metadata[b"ranking_version"] == b"11"


def test_row_groups_are_written_as_they_fill(
    batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.batch_scoring.ROW_GROUP", 3)
    rows = batch("--batch-size", "1")
    assert len(rows) == 13
    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == 3


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--retrieval={models}/none"], "{models}/none is not a folder"),
        (["--retrieval={models}"], "{models} holds neither saved_model.pb nor a version"),
        (["--retrieval={models}/ranking"], "{models}/ranking/11 does not have the signature 'recommend'"),
        (["--ranking={models}/retrieval"], "{models}/retrieval/2 does not have the signature 'rerank'"),
        (["--ranking={models}/diverged"], "{models}/diverged/11: a predicted rating is not a number"),
        (["--users={models}/none.txt"], "{models}/none.txt cannot be read: No such file"),
        (["--users={tmp}/empty.txt"], "{tmp}/empty.txt names no user"),
        (["--users={tmp}/latin.txt"], "{tmp}/latin.txt:2: is not UTF-8 text"),
        (["--output={tmp}/none/out.parquet"], "{tmp}/none is not a folder"),
        (["--output={models}"], "{models} is a folder: name a file for --output"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_left(
    flags: list[str], message: str, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.txt").write_text("\n\n")
    (tmp_path / "latin.txt").write_bytes(b"u\n\xff\n")
    kept = tmp_path / "out.parquet"
    kept.write_text("what was there before")
    names = {"models": models, "tmp": tmp_path}
    status = main(
        [
            "batch",
            f"--retrieval={models / 'retrieval'}",
            f"--output={kept}",
            *(flag.format(**names) for flag in flags),
        ]
    )
    assert status == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message.format(**names)}")
    assert error.count("\n") == 1
    assert kept.read_text() == "what was there before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.txt", "latin.txt", "out.parquet"]
