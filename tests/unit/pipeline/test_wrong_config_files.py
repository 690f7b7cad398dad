"""One line for a file of settings that is wrong, with the file and the key."""

from pathlib import Path

import pytest

from pipeline.config import ConfigError, load_config


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("? [a, b]\n: c\n", r"wrong.yaml:1: is not valid YAML: a key is a list"),
        ("ranking:\n  {a: 1}: 2\n", r"wrong.yaml:2: is not valid YAML: a key is a list"),
        ("seed: true\n", r"wrong.yaml: seed is True, which should be a number"),
        ("sample: {seed: no}\n", r"wrong.yaml: sample.seed is False, which should be a number"),
        ("ranking: {hidden_units: [64, true]}\n", r"ranking.hidden_units is \[64, True\]"),
        ("kubeflow: {image: ' '}\n", r"kubeflow.image is ' ', which should match"),
        ("dataset: ml-1m\ndata_dir: data\n", r"dataset ml-1m and data_dir data are both given"),
        ("evaluation: {slices: [user_gendr]}\n", r"names user_gendr.*did you mean user_gender\?"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, expected: str):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=expected) as caught:
        load_config(path)
    assert "\n" not in str(caught.value)
