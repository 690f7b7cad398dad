"""The component: what is in its cache key, and what is not."""

import os
from pathlib import Path

import pytest
from tfx.components.example_gen import driver, utils
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2

from components.movielens_example_gen.component import MovieLensExampleGen
from components.movielens_example_gen.executor import _folder
from components.movielens_example_gen.settings import ExampleGenSettings
from contracts.features import MOVIES, RATINGS, Table
from tests.unit.components.movielens_example_gen.tiny_data import (
    SmallPieces,
    exec_properties,
    run,
    write_100k,
)

ROWS = [(1, 1, 5, 100), (1, 2, 4, 200)]

pytestmark = pytest.mark.slow


def cache_key(component: MovieLensExampleGen) -> dict[str, object]:
    """The execution properties after TFX's driver has put in what it found in the folder."""
    info = data_types.PipelineInfo("", "")
    resolved: dict[str, object] = driver.FileBasedDriver(None).resolve_exec_properties(
        exec_properties(component), info, data_types.ComponentInfo("", "", info)
    )
    return resolved


@pytest.mark.parametrize(
    ("name", "tables"),
    [("README", []), ("u.data", [RATINGS]), ("u.user", [RATINGS]), ("u.item", [RATINGS, MOVIES])],
)
def test_only_the_files_of_a_table_are_in_its_fingerprint(
    tmp_path: Path, name: str, tables: list[Table]
) -> None:
    raw = write_100k(tmp_path / "raw", ROWS)
    (raw / "README").write_text("hello")
    before = {table: cache_key(MovieLensExampleGen(str(raw), table)) for table in (RATINGS, MOVIES)}
    os.utime(raw / name, (1, 1))
    changed = [
        table for table, key in before.items() if key != cache_key(MovieLensExampleGen(str(raw), table))
    ]
    assert changed == tables


def test_the_files_of_a_fold_are_in_the_fingerprint_of_its_ratings(tmp_path: Path) -> None:
    raw = write_100k(tmp_path / "raw", ROWS)
    for name in ("u1.base", "u1.test", "u2.base"):
        (raw / name).write_bytes(b"")
    first = MovieLensExampleGen(str(raw), RATINGS, ExampleGenSettings(split="official_fold", fold=1))
    last_out = MovieLensExampleGen(str(raw), RATINGS)
    before = cache_key(first), cache_key(last_out)

    os.utime(raw / "u2.base", (1, 1))
    assert cache_key(first) == before[0]
    os.utime(raw / "u1.test", (1, 1))
    assert cache_key(first) != before[0]
    assert cache_key(last_out) == before[1]


def test_split_settings_are_in_the_key_of_ratings_alone(tmp_path: Path) -> None:
    temporal = ExampleGenSettings(split="temporal")
    assert exec_properties(MovieLensExampleGen("d", RATINGS, temporal)) != exec_properties(
        MovieLensExampleGen("d", RATINGS)
    )
    assert exec_properties(MovieLensExampleGen("d", MOVIES, temporal)) == exec_properties(
        MovieLensExampleGen("d", MOVIES)
    )


def test_code_is_in_the_key() -> None:
    assert exec_properties(MovieLensExampleGen("d", MOVIES, code_fingerprint="1")) != exec_properties(
        MovieLensExampleGen("d", MOVIES, code_fingerprint="2")
    )


def test_a_span_is_read_from_its_folder(tmp_path: Path) -> None:
    for span in (7, 8):
        write_100k(tmp_path / f"span-{span}", ROWS)
    component = MovieLensExampleGen(
        str(tmp_path),
        RATINGS,
        input_config=example_gen_pb2.Input(
            splits=[example_gen_pb2.Input.Split(name="files", pattern="span-{SPAN}/*")]
        ),
    )
    key = cache_key(component)
    assert key[utils.SPAN_PROPERTY_NAME] == 8
    assert _folder(key) == str(tmp_path / "span-8")


def test_settings_reach_the_executor(tmp_path: Path) -> None:
    rows = [(1, movie, 3, movie) for movie in range(1, 10)]
    result = run(write_100k(tmp_path / "raw", rows), tmp_path / "out", executor=SmallPieces, history_length=3)
    assert len(result.splits["eval"][0]["history_movie_ids"]) == 3
