"""The defaults of a split rule: where they count, and what stands above them."""

from pathlib import Path

import pytest
import yaml

from pipeline import setting_trees
from pipeline.config import PipelineConfig, load_config

RULES = ("random", "official_fold", "temporal")


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults of split rules, and presets, in place of those that come with the project."""
    defaults = tmp_path / "split_defaults.yaml"
    defaults.write_text("random:\n  retrieval: {epochs: 9, towers: 2}\n")
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "wide.yaml").write_text("retrieval: {embedding_dim: 128}\n")
    (folder / "ranked.yaml").write_text("ranking: {epochs: 3}\n")
    monkeypatch.setattr(setting_trees, "SPLIT_DEFAULTS", defaults)
    monkeypatch.setattr(setting_trees, "PRESETS", folder)


def _epochs_and_towers(*overrides: str, path: Path | None = None, preset: str | None = None) -> object:
    retrieval = load_config(path, overrides, preset).retrieval
    return retrieval.epochs, retrieval.towers


@pytest.mark.usefixtures("rules")
def test_a_split_rule_has_defaults_of_its_own_below_what_a_user_sets(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("data: {split: random}\nretrieval: {epochs: 7}\n")

    assert _epochs_and_towers() == (5, 1)
    assert _epochs_and_towers("data.split=temporal") == (5, 1)
    assert _epochs_and_towers("data.split=random") == (9, 2)
    assert _epochs_and_towers("data.split=random", "retrieval.towers=1") == (9, 1)
    assert _epochs_and_towers(path=path) == (7, 2)


@pytest.mark.usefixtures("rules")
def test_a_model_of_a_preset_stands_on_the_common_defaults() -> None:
    assert _epochs_and_towers("data.split=random", preset="wide") == (5, 1)
    assert _epochs_and_towers("data.split=random", preset="ranked") == (9, 2)


@pytest.mark.usefixtures("rules")
def test_a_joint_model_has_the_common_defaults() -> None:
    assert _epochs_and_towers("data.split=random", "model=joint") == (5, 1)


def test_the_common_defaults_are_those_of_leave_last_out() -> None:
    assert load_config() == load_config(None, ["data.split=leave_last_out"]) == PipelineConfig()


@pytest.mark.parametrize("rule", RULES)
def test_a_shipped_default_differs_from_the_common_one(rule: str) -> None:
    common, own = load_config().model_dump(), load_config(None, [f"data.split={rule}"]).model_dump()
    listed = yaml.safe_load(setting_trees.SPLIT_DEFAULTS.read_text())

    assert set(listed) == set(RULES)
    for section, settings in listed[rule].items():
        same = [name for name in settings if own[section][name] == common[section][name]]
        assert not same, f"{rule} repeats the common defaults of {same}"
    assert load_config(None, [f"data.split={rule}", "model=joint"]).retrieval == load_config().retrieval
