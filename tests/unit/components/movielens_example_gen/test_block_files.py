"""Blocks come back from their files as they were, wherever in a file they lie."""

from pathlib import Path

from components.movielens_example_gen.block_files import read_block, write_blocks


def test_blocks_come_back(tmp_path: Path) -> None:
    blocks = [(3, (["7", "ä"], b"rows of both")), (0, (["12"], bytes(1000))), (9, (["1"], b"\n\0\xff"))]
    places = list(write_blocks(str(tmp_path), blocks))
    assert [shard for shard, _ in places] == [3, 0, 9]
    assert [read_block(str(tmp_path), place) for _, place in reversed(places)] == [
        block for _, block in reversed(blocks)
    ]


def test_a_second_try_leaves_the_first_file_alone(tmp_path: Path) -> None:
    [first] = write_blocks(str(tmp_path), [(0, (["1"], b"first"))])
    [second] = write_blocks(str(tmp_path), [(0, (["1"], b"again"))])
    assert read_block(str(tmp_path), first[1]) == (["1"], b"first")
    assert read_block(str(tmp_path), second[1]) == (["1"], b"again")
