"""A schema's text becomes the artifact that other components read, and is what the cache looks at."""

from pathlib import Path

import pytest
from google.protobuf import text_format
from tfx.dsl.components.base import base_executor
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components.curated_schema_gen.component import CuratedSchemaGen
from components.curated_schema_gen.executor import CuratedSchemaGenExecutor
from schema import MOVIES_SCHEMA, RATINGS_SCHEMA

TEXT = '# Why it is so.\nfeature { name: "movie_id" type: BYTES }\n'


def run(text: str, uri: Path) -> standard_artifacts.Schema:
    component = CuratedSchemaGen(text)
    artifact = standard_artifacts.Schema()
    artifact.uri = str(uri)
    context = base_executor.BaseExecutor.Context(tmp_dir=str(uri.parent), unique_id="1")
    CuratedSchemaGenExecutor(context).Do({}, {"schema": [artifact]}, dict(component.spec.exec_properties))
    return artifact


def test_other_components_read_the_schema_with_its_comments(tmp_path: Path) -> None:
    artifact = run(TEXT, tmp_path / "schema")
    # How TFX's own components look for it: the only file of the artifact.
    path = io_utils.get_only_uri_in_dir(artifact.uri)
    assert Path(path).read_text("utf-8") == TEXT
    schema = io_utils.SchemaReader().read(path)
    assert [feature.name for feature in schema.feature] == ["movie_id"]


@pytest.mark.parametrize("file", [RATINGS_SCHEMA, MOVIES_SCHEMA])
def test_the_curated_schemas_pass(tmp_path: Path, file: Path) -> None:
    text = file.read_text("utf-8")
    assert Path(io_utils.get_only_uri_in_dir(run(text, tmp_path / "schema").uri)).read_text("utf-8") == text


def test_a_text_that_is_no_schema_names_the_line_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(text_format.ParseError, match=r"^2:\d+ .*colour"):
        run('feature { name: "movie_id" }\ncolour: "red"\n', tmp_path / "schema")
    assert not (tmp_path / "schema").exists()


def test_only_another_text_is_another_cache_key() -> None:
    key = CuratedSchemaGen(TEXT).spec.exec_properties
    assert key == CuratedSchemaGen(TEXT).spec.exec_properties
    assert key != CuratedSchemaGen(TEXT + 'feature { name: "movie_title" }').spec.exec_properties
    assert not CuratedSchemaGen(TEXT).inputs
