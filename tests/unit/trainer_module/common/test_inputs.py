"""Transformed Examples as batches: padding, the validation cut, the order of training."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import features
from tests.transform_run import Transformed
from tests.unit.trainer_module import tiny_world
from trainer_module.common import inputs
from trainer_module.common.inputs import TransformedExamples, align_right, densify, feature_widths

USERS, MOVIES = 40, 50
PAIRS = {(f"u{user}", f"m{movie}") for user in range(USERS) for movie in range(MOVIES)}
NAMES = (features.USER_ID, features.MOVIE_ID, features.HISTORY_MOVIE_INDEX)
SHARE = 0.2
SEED = 7

Open = Callable[..., TransformedExamples]


def pairs(dataset: tf.data.Dataset) -> list[tuple[str, str]]:
    """(user, movie) of every example, in the order of the batches."""
    return [
        (user.decode(), movie.decode())
        for batch in dataset.as_numpy_iterator()
        for user, movie in zip(batch[features.USER_ID], batch[features.MOVIE_ID], strict=True)
    ]


def grid(order: int) -> list[tiny_world.Row]:
    """One row per user and movie, in an order of its own for each number."""
    rows = [tiny_world.transformed(user, movie) for user, movie in sorted(PAIRS)]
    return [rows[place] for place in np.random.default_rng(order).permutation(len(rows))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same 2,000 rows twice, in another order and over another number of files."""
    folder = tmp_path_factory.mktemp("grid")
    one, other = grid(1), grid(2)
    tiny_world.write(folder / "one-0.gz", one)
    for part in range(3):
        tiny_world.write(folder / f"other-{part}.gz", other[part::3])
    return folder


@pytest.fixture(scope="module")
def examples(folder: Path, transformed: Transformed) -> Open:
    def opened(name: str = "one", history_length: int = 2) -> TransformedExamples:
        return TransformedExamples(
            [str(folder / f"{name}-*.gz")], transformed.transform_output, history_length
        )

    return opened


def training(examples: TransformedExamples, *, seed: int = SEED, batch_size: int = 64) -> tf.data.Dataset:
    return examples.training_batches(NAMES, batch_size=batch_size, validation_share=SHARE, seed=seed)


@pytest.fixture(params=["in memory", "from disk"])
def _memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "from disk":
        monkeypatch.setattr(inputs, "IN_MEMORY_EXAMPLES", 100)


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (2, [[0, 0], [0, 7], [2, 3]]),
        (3, [[0, 0, 0], [0, 0, 7], [1, 2, 3]]),
        (4, [[0, 0, 0, 0], [0, 0, 0, 7], [0, 1, 2, 3]]),
    ],
)
def test_align_right_keeps_the_newest_and_puts_it_last(width: int, expected: list[list[int]]) -> None:
    rows = tf.ragged.constant([[], [7], [1, 2, 3]], dtype=tf.int64)
    assert align_right(rows, width).numpy().tolist() == expected


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(1, 9), max_size=6), min_size=1, max_size=4), st.integers(1, 7))
def test_align_right_of_any_rows(rows: list[list[int]], width: int) -> None:
    aligned = align_right(tf.ragged.constant(rows, dtype=tf.int64, ragged_rank=1), width)
    assert aligned.numpy().tolist() == [([0] * width + row)[-width:] for row in rows]


def test_densify_pads_titles_behind_and_history_in_front() -> None:
    rows = tf.ragged.constant([[4, 5], [6]], dtype=tf.int64).to_sparse()
    dense = densify(
        {
            features.TITLE_WORD_INDEX: rows,
            features.HISTORY_MOVIE_INDEX: rows,
            features.USER_INDEX: tf.constant(1),
        },
        feature_widths(history_length=3),
    )
    assert dense[features.HISTORY_MOVIE_INDEX].numpy().tolist() == [[0, 4, 5], [0, 0, 6]]
    words = dense[features.TITLE_WORD_INDEX].numpy()
    assert words.shape == (2, features.TITLE_WORDS)
    assert words[:, :3].tolist() == [[4, 5, 0], [6, 0, 0]]
    assert dense[features.USER_INDEX].numpy() == 1


def test_batches_hold_every_example_with_the_newest_history_last(
    tmp_path: Path, transformed: Transformed
) -> None:
    rows = [
        tiny_world.transformed(
            "u", str(row), history_movie_index=[1, 2, 3][:row], history_rating_centred=[0.5, 1.5, -1.5][:row]
        )
        for row in range(4)
    ]
    file = tiny_world.write(tmp_path / "rows.gz", rows)
    read = TransformedExamples([file], transformed.transform_output, history_length=2)
    names = (features.HISTORY_MOVIE_INDEX, features.HISTORY_RATING_CENTRED)
    first, last = read.batches(names, batch_size=3)
    assert first[features.HISTORY_MOVIE_INDEX].numpy().tolist() == [[0, 0], [0, 1], [1, 2]]
    assert last[features.HISTORY_MOVIE_INDEX].numpy().tolist() == [[2, 3]]
    assert last[features.HISTORY_RATING_CENTRED].numpy().tolist() == [[1.5, -1.5]]


def test_no_examples_is_an_error_that_names_the_pattern(transformed: Transformed, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing-"):
        TransformedExamples([str(tmp_path / "nothing-*")], transformed.transform_output, 2)


@pytest.mark.usefixtures("_memory")
def test_training_and_validation_share_out_all_examples(examples: Open) -> None:
    train = pairs(training(examples()))
    validation = pairs(examples().validation_batches(NAMES, validation_share=SHARE, seed=SEED))
    assert len(train) + len(validation) == len(PAIRS)
    assert {*train, *validation} == PAIRS
    # 400 expected; the standard deviation of a fair draw is 18.
    assert len(validation) == pytest.approx(SHARE * len(PAIRS), abs=4 * 18)


def test_a_share_that_holds_out_nothing_is_refused(examples: Open) -> None:
    with pytest.raises(ValueError, match=r"validation_share 1e-05 holds out none.*raise it"):
        examples().validation_batches(NAMES, validation_share=1e-5, seed=SEED)


def test_the_cut_is_the_same_whatever_the_order_of_the_files(examples: Open) -> None:
    def cut(name: str, seed: int) -> set[tuple[str, str]]:
        return set(pairs(examples(name).validation_batches(NAMES, validation_share=SHARE, seed=seed)))

    assert cut("one", SEED) == cut("other", SEED)
    assert cut("one", SEED) != cut("one", SEED + 1)


@pytest.mark.usefixtures("_memory")
def test_the_seed_decides_on_the_order(examples: Open) -> None:
    first = pairs(training(examples()))
    assert first == pairs(training(examples()))
    other = pairs(training(examples(), seed=SEED + 1))
    # The cut depends on the seed too, so compare what both hold.
    common = {*first} & {*other}
    assert [pair for pair in first if pair in common] != [pair for pair in other if pair in common]


@pytest.mark.usefixtures("_memory")
def test_every_epoch_has_the_same_examples_in_another_order(examples: Open) -> None:
    dataset = training(examples())
    first, second = pairs(dataset), pairs(dataset)
    assert first != second
    assert sorted(first) == sorted(second)


@pytest.mark.usefixtures("_memory")
def test_no_training_batch_is_empty(examples: Open) -> None:
    # The mean loss of an empty batch is not a number. One row a batch leaves one in five empty.
    lengths = [len(batch[features.USER_ID]) for batch in training(examples(), batch_size=1)]
    assert set(lengths) == {1}


@pytest.mark.usefixtures("_memory")
def test_withheld_pairs_are_in_neither_part(examples: Open) -> None:
    opened = examples()
    cut = {"validation_share": SHARE, "seed": SEED}
    some = sorted(PAIRS)[::7]
    users, movies = ([pair[place] for pair in some] for place in (0, 1))
    keys = inputs.pair_keys({features.USER_ID: tf.constant(users), features.MOVIE_ID: tf.constant(movies)})
    withheld = np.sort(keys.numpy())
    parts = []
    for left_out in (None, withheld, withheld[:0]):
        parts.append(
            (
                set(pairs(opened.training_batches(NAMES, batch_size=64, withheld=left_out, **cut))),
                set(pairs(opened.validation_batches(NAMES, withheld=left_out, **cut))),
            )
        )
    without, with_them, with_none = parts
    assert with_none == without
    # The others stay where they were.
    assert with_them == tuple(part - set(some) for part in without)
    assert all(part & set(some) for part in without)


def test_keys_are_of_pairs() -> None:
    def keys(users: list[str], movies: list[str]) -> list[int]:
        ids = {features.USER_ID: tf.constant(users), features.MOVIE_ID: tf.constant(movies)}
        found: list[int] = inputs.pair_keys(ids).numpy().tolist()
        return found

    one, other, swapped, again = keys(["1", "11", "2", "1"], ["12", "2", "1", "12"])
    assert one == again
    assert len({one, other, swapped}) == 3
