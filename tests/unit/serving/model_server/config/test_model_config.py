"""Text-format model configurations, version policies and where reloads may look."""

from pathlib import Path

import grpc
import pytest

from serving.model_server.config.model_config import (
    ModelConfig,
    VersionPolicy,
    check_roots,
    read_model_config,
)
from serving.model_server.errors import ModelServerError

MODEL = 'config { name: "m" base_path: "/models/m" model_platform: "tensorflow" %s }'


def _read(tmp_path: Path, text: str) -> list[ModelConfig]:
    (tmp_path / "models.config").write_text(f"model_config_list {{ {text} }}")
    return read_model_config(tmp_path / "models.config")


@pytest.mark.parametrize(
    ("policy", "chosen"),
    [
        ("", {12}),
        ("model_version_policy { latest { num_versions: 2 } }", {12, 3}),
        ("model_version_policy { all {} }", {1, 3, 12}),
        ("model_version_policy { specific { versions: 1 versions: 9 } }", {1}),
    ],
)
def test_a_policy_chooses_among_the_versions_on_disk(tmp_path: Path, policy: str, chosen: set[int]) -> None:
    [model] = _read(tmp_path, MODEL % policy)
    assert model.policy.choose([3, 1, 12]) == chosen


def test_no_version_on_disk_is_no_version() -> None:
    assert VersionPolicy().choose([]) == set()


def test_labels_are_read(tmp_path: Path) -> None:
    [model] = _read(tmp_path, MODEL % 'version_labels { key: "stable" value: 3 }')
    assert (model.name, model.base_path, model.labels) == ("m", Path("/models/m"), {"stable": 3})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nothing", "ModelServerConfig"),
        (MODEL % "" + MODEL % "", "Illegal to list model m multiple times in config list"),
        ('config { base_path: "/m" model_platform: "tensorflow" }', "does not have a name"),
        ('config { name: "m" base_path: "m" model_platform: "tensorflow" }', "to have an absolute path"),
        ('config { name: "m" base_path: "gs://m" model_platform: "tensorflow" }', "to have an absolute path"),
        ('config { name: "m" base_path: "/m" }', 'model_platform must be "tensorflow"'),
        (MODEL % "model_version_policy { specific {} }", "lists no versions"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ModelServerError, match=r"--model_config_file .*models\.config") as caught:
        _read(tmp_path, text)
    assert complaint in caught.value.message


def test_a_reload_stays_below_the_roots(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    check_roots([ModelConfig("m", inside), ModelConfig("n", inside / "deeper")], [inside])
    for path in (outside, inside / "link", inside / ".." / "out", tmp_path, tmp_path / "inner"):
        with pytest.raises(ModelServerError, match="model m: base_path") as caught:
            check_roots([ModelConfig("m", path)], [inside])
        assert caught.value.code is grpc.StatusCode.PERMISSION_DENIED
