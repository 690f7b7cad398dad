import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielens.chunks import MAX_LINE_BYTES, Chunk, plan_chunks, read_chunk, read_lines
from movielens.layouts import Layout
from movielens.readers import parse_ratings
from movielens.records import DatasetError, Rating

rows = st.one_of(
    st.builds(
        lambda user, movie, stars: b"%d\t%d\t%d\t880000000" % (user, movie, stars),
        st.integers(1, 999),
        st.integers(1, 9),
        st.integers(0, 6),
    ),
    st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")),
)


@given(st.lists(rows, max_size=30), st.booleans(), st.integers(1, 80), st.sampled_from([b"", b"\r"]))
def test_chunks_read_alone_give_what_the_whole_file_gives(
    lines: list[bytes], ends_with_newline: bool, chunk_bytes: int, carriage_return: bytes
) -> None:
    content = (carriage_return + b"\n").join(lines) + (b"\n" if ends_with_newline else b"")
    whole = list(parse_ratings(read_lines(io.BytesIO(content)), Layout.ML_100K, "u.data"))
    chunks = plan_chunks(lambda: io.BytesIO(content), len(content), chunk_bytes)
    # Each with a stream of its own and in another order, as parallel workers do.
    parts = [
        list(
            parse_ratings(read_chunk(io.BytesIO(content), chunk), Layout.ML_100K, "u.data", chunk.first_line)
        )
        for chunk in reversed(chunks)
    ]
    assert [record for part in reversed(parts) for record in part] == whole
    assert sum(chunk.length for chunk in chunks) == len(content)
    assert all(chunk.length >= chunk_bytes for chunk in chunks[:-1])


def test_chunks_of_a_small_file_by_hand() -> None:
    content = b"aa\nbbbb\nc\n\ndd"
    assert plan_chunks(lambda: io.BytesIO(content), 13, 4) == [Chunk(0, 8, 1), Chunk(8, 5, 3)]
    assert plan_chunks(lambda: io.BytesIO(content), 13, 3) == [
        Chunk(0, 3, 1),
        Chunk(3, 5, 2),
        Chunk(8, 3, 3),
        Chunk(11, 2, 5),
    ]
    assert plan_chunks(lambda: io.BytesIO(b""), 0, 3) == []


def test_lines_and_chunks_across_the_blocks_in_which_a_file_is_scanned(tmp_path: Path) -> None:
    path = tmp_path / "u.data"
    count = 150_000
    path.write_bytes(b"".join(b"%d\t7\t3\t880000000\n" % user for user in range(1, count + 1)))
    chunks = plan_chunks(lambda: path.open("rb"), path.stat().st_size, 1_000_000)
    assert len(chunks) == 4
    with path.open("rb") as stream:
        for chunk in chunks:
            number, rating = next(
                parse_ratings(read_chunk(stream, chunk), Layout.ML_100K, "u.data", chunk.first_line)
            )
            # User n is on line n.
            assert isinstance(rating, Rating)
            assert (number, rating.user_id) == (chunk.first_line, str(chunk.first_line))


def test_a_file_that_changes_while_it_is_scanned_is_refused() -> None:
    with pytest.raises(DatasetError, match="changed while it was read"):
        plan_chunks(lambda: io.BytesIO(b"a\nb\n"), 2, 1)


def test_a_huge_line_is_cut_off_and_the_next_one_is_whole() -> None:
    lines = list(read_lines(io.BytesIO(b"x" * (3 * MAX_LINE_BYTES) + b"\nnext\n")))
    assert [len(line) for line in lines] == [MAX_LINE_BYTES, 4]
    assert lines[1] == b"next"
