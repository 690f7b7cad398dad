"""The sample of the eval split's users: the same in any order of rows, and never larger than requested."""

from pathlib import Path

import pytest

from reports.reading.eval_users import read_row, sample_users

# Reading Examples takes TensorFlow.
pytestmark = pytest.mark.slow


def example(user: str, movie: str, rating: float, timestamp: int, **more: list[str] | list[float]) -> bytes:
    import tensorflow as tf

    def feature(values: list[str] | list[float] | list[int]) -> "tf.train.Feature":
        if isinstance(values[0], str):
            encoded = [value.encode() for value in values if isinstance(value, str)]
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))
        if isinstance(values[0], int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    columns = {
        "user_id": [user],
        "movie_id": [movie],
        "user_rating": [float(rating)],
        "timestamp": [timestamp],
        **more,
    }
    message = tf.train.Example(
        features=tf.train.Features(feature={name: feature(values) for name, values in columns.items()})
    )
    serialized: bytes = message.SerializeToString()
    return serialized


def write(folder: Path, rows: list[bytes]) -> Path:
    import tensorflow as tf

    (folder / "Split-eval").mkdir(parents=True)
    path = str(folder / "Split-eval" / "data-00000-of-00001.gz")
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for row in rows:
            writer.write(row)
    return folder


def test_all_users_with_what_was_held_out_and_their_last_row(tmp_path: Path) -> None:
    last = example(
        "7",
        "b",
        2.0,
        50,
        history_movie_ids=["x", "y"],
        history_ratings=[1.0, 5.0],
        user_gender=["Female"],
        bucketized_user_age=[25.0],
        user_occupation_text=["<b>artist</b>"],
    )
    rows = [example("7", "a", 4.0, 40), last, example("8", "a", 3.0, 10)]

    users, count = sample_users(write(tmp_path / "examples", rows), most=10)

    assert count == 3
    by_id = {user.user_id: user for user in users}
    assert by_id[b"7"].held_out == {b"a": 4.0, b"b": 2.0}
    assert by_id[b"8"].held_out == {b"a": 3.0}
    row = read_row(by_id[b"7"].serialized)
    assert (row.movie_id, row.rating) == (b"b", 2.0)
    assert row.history == ((b"x", 1.0), (b"y", 5.0))
    assert row.profile == ("Female", "aged 25 to 34", "<b>artist</b>")
    nobody = read_row(by_id[b"8"].serialized)
    assert (nobody.history, nobody.profile) == ((), ())


def test_a_sample_is_whole_and_does_not_depend_on_the_order_of_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Many batches, so that users are let go on the way.
    monkeypatch.setattr("reports.reading.eval_users.BATCH_ROWS", 7)
    rows = [example(f"{user}", f"{movie}", 3.0, movie) for movie in range(4) for user in range(40)]

    first, _ = sample_users(write(tmp_path / "one", rows), most=5)
    second, count = sample_users(write(tmp_path / "two", rows[::-1]), most=5)

    assert count == 160
    assert len(first) == 5
    assert [(user.user_id, user.serialized) for user in first] == [
        (user.user_id, user.serialized) for user in second
    ]
    for user in (*first, *second):
        assert set(user.held_out) == {b"0", b"1", b"2", b"3"}
        assert user.last == (3, b"3")


@pytest.mark.parametrize(
    ("bucket", "words"), [(1.0, "under 18"), (18.0, "aged 18 to 24"), (56.0, "aged 56 or over")]
)
def test_age_buckets_in_words(bucket: float, words: str) -> None:
    assert read_row(example("7", "a", 4.0, 40, bucketized_user_age=[bucket])).profile == (words,)
