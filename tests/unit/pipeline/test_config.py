"""The configuration: what is refused and with which words, and that the documented defaults are true."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from pipeline import setting_trees
from pipeline.config import ConfigError, PipelineConfig, load_config, preset_names
from pipeline.renamed_settings import RENAMED
from trainer_module.joint.hyperparameters import JointHyperparameters

SHIPPED = setting_trees.PRESETS
DEFAULTS = Path(__file__).parents[3] / "pipeline" / "configs" / "default.yaml"


def test_shipped_default_file_holds_the_defaults():
    assert load_config(DEFAULTS) == PipelineConfig()


def test_shipped_default_file_shows_every_setting():
    def keys(section: BaseModel) -> dict[str, object]:
        return {
            name: keys(value) if isinstance(value, BaseModel) else None
            for name in type(section).model_fields
            for value in [getattr(section, name)]
        }

    def shown(tree: dict[str, object]) -> dict[str, object]:
        return {key: shown(value) if isinstance(value, dict) else None for key, value in tree.items()}

    assert shown(yaml.safe_load(DEFAULTS.read_text())) == keys(PipelineConfig())


def test_file_then_overrides_and_the_last_one_wins(tmp_path: Path):
    path = tmp_path / "my.yaml"
    path.write_text("seed: 7\nranking:\n  epochs: 3\n  dropout: 0.5\n")
    config = load_config(path, ["ranking.epochs=4", "ranking.epochs=5", "ranking.hidden_units=[64, 32]"])
    assert (config.seed, config.ranking.epochs, config.ranking.dropout) == (7, 5, 0.5)
    assert config.ranking.hidden_units == (64, 32)
    assert config.retrieval == PipelineConfig().retrieval


@pytest.fixture
def presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of presets in place of those that come with the project."""
    folder = tmp_path / "presets"
    folder.mkdir()
    monkeypatch.setattr(setting_trees, "PRESETS", folder)
    (folder / "fast.yaml").write_text("seed: 1\nranking:\n  epochs: 2\n  dropout: 0.3\n  l2: 0.5\n")
    (folder / "typo.yaml").write_text("ranking:\n  epoch: 2\n")
    return folder


def test_preset_then_file_then_overrides(presets: Path, tmp_path: Path):
    path = tmp_path / "my.yaml"
    path.write_text("ranking:\n  dropout: 0.4\n  l2: 0.6\n")
    config = load_config(path, ["ranking.l2=0.7"], "fast")
    assert (config.seed, config.ranking.epochs) == (1, 2)
    assert (config.ranking.dropout, config.ranking.l2) == (0.4, 0.7)
    assert config.ranking.batch_size == PipelineConfig().ranking.batch_size


def test_unknown_preset_is_refused_with_those_there_are(presets: Path):
    with pytest.raises(ConfigError, match="there is no preset 'slow'; there are fast, typo"):
        load_config(preset="slow")


def test_a_wrong_setting_is_blamed_on_where_it_is(presets: Path, tmp_path: Path):
    path = tmp_path / "my.yaml"
    path.write_text("ranking:\n  dropouts: 0.4\n")
    with pytest.raises(ConfigError, match=r"^preset typo: unknown setting ranking.epoch; did you mean"):
        load_config(path, preset="typo")
    with pytest.raises(ConfigError, match=r"my.yaml: unknown setting ranking.dropouts; did you mean"):
        load_config(path, preset="fast")


@pytest.mark.parametrize("name", preset_names())
def test_a_shipped_preset_is_valid_and_names_its_data_and_split(name: str):
    load_config(preset=name)
    comments = [line for line in (SHIPPED / f"{name}.yaml").read_text().splitlines() if line.startswith("#")]
    text = "\n".join(comments)
    assert re.search("split|fold", text)
    assert re.search("ml-|synthetic sample", text, re.IGNORECASE)


@pytest.mark.parametrize(
    ("split", "preset"),
    [
        (None, "best"),
        ("leave_last_out", "best"),
        ("random", "best_random"),
        ("official_fold", "best_random"),
        ("temporal", "best_temporal"),
    ],
)
def test_best_is_the_strongest_preset_of_the_split(tmp_path: Path, split: str | None, preset: str):
    overrides = [f"data.split={split}"] if split else []
    path = tmp_path / "split.yaml"
    path.write_text(f"data: {{split: {split}}}\n" if split else "")
    chosen = load_config(preset=preset, overrides=overrides)
    assert load_config(preset="best", overrides=overrides) == chosen
    assert load_config(path, preset="best") == chosen


def test_a_preset_of_the_old_spelling_is_refused_with_its_name():
    with pytest.raises(ConfigError, match="there is no preset 'tuned-joint': its name is tuned_joint now"):
        load_config(preset="tuned-joint")


def test_presets_are_spelled_one_way():
    assert all(re.fullmatch("[a-z0-9_]+", name) for name in preset_names())


def _leaves(section: BaseModel) -> list[str]:
    found: list[str] = []
    for name in type(section).model_fields:
        value = getattr(section, name)
        found += [f"{name}.{leaf}" for leaf in _leaves(value)] if isinstance(value, BaseModel) else [name]
    return found


def test_there_are_at_most_110_settings():
    assert len(_leaves(PipelineConfig())) <= 110


# Settings that configurations of earlier versions had, and their names of today in the error.
@pytest.mark.parametrize(
    ("dotted", "instead"),
    [
        ("joint.towers", "write retrieval.towers"),
        ("joint.structure", "write ranking.structure"),
        ("joint.embedding_dim", "write retrieval.embedding_dim and ranking.embedding_dim"),
        ("joint.epochs", "write ranking.epochs"),
        ("joint.refit", "leave it out"),
        ("retrieval.held_out_share", "leave it out"),
        ("tuning.epochs", "write retrieval.epochs or ranking.epochs"),
    ],
)
def test_a_renamed_setting_is_refused_with_what_to_write(tmp_path: Path, dotted: str, instead: str):
    section, name = dotted.split(".")
    path = tmp_path / "old.yaml"
    path.write_text(f"{section}:\n  {name}: 3\n")
    for arguments in ((path, []), (None, [f"{dotted}=3"])):
        with pytest.raises(ConfigError, match=f"{dotted} is no longer a setting: .*{instead}"):
            load_config(*arguments)


def test_no_setting_is_renamed_that_there_is():
    assert not RENAMED.keys() & set(_leaves(PipelineConfig()))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["retrieval.batch_size=512"], "retrieval.batch_size is 512 and ranking.batch_size is 1024"),
        (["ranking.refit=true"], "ranking.refit is True, but is not for a joint model"),
        (["retrieval.validation=latest"], "retrieval.validation is 'latest', but is not for a joint model"),
    ],
)
def test_halves_of_a_joint_model_that_do_not_go_together_are_refused(overrides: list[str], message: str):
    with pytest.raises(ConfigError, match=message):
        load_config(None, ["model=joint", *overrides])
    load_config(None, overrides)


def test_a_joint_model_is_made_of_the_settings_of_both():
    overrides = [
        "retrieval.towers=2",
        "ranking.batch_size=512",
        "ranking.cross_layers=3",
        "joint.ranking_weight=2",
    ]
    found = load_config(None, ["model=joint", *overrides]).hyperparameters("joint")
    assert isinstance(found, JointHyperparameters)
    assert (found.retrieval.towers, found.ranking.cross_layers, found.ranking_weight) == (2, 3, 2.0)
    assert (found.towers.batch_size, found.towers.epochs) == (512, found.ranking.epochs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ranking:\n  epoch: 3\n", "{file}: unknown setting ranking.epoch; did you mean ranking.epochs?"),
        ("rankings:\n  epochs: 3\n", "{file}: unknown setting rankings; did you mean ranking?"),
        ("seed: soon\n", "{file}: seed is 'soon', which should be a valid integer"),
        ("ranking: 3\n", "{file}: ranking is 3, which should be a section with keys of its own"),
        (
            "ranking:\n  epochs: 0\n",
            "{file}: ranking.epochs is 0, which should be greater than or equal to 1",
        ),
        (
            "data:\n  split: none\n",
            "{file}: data.split is 'none', which should be 'leave_last_out', 'temporal'",
        ),
        (
            "data_gate:\n  allow: [{feature: f, anomaly: A_B, reason: r, why: w}]\n",
            "{file}: unknown setting data_gate.allow.0.why; known here: feature, anomaly, reason",
        ),
        (
            "data_gate:\n  allow: [{feature: f, anomaly: A_B}]\n",
            "{file}: data_gate.allow.0.reason is {{'feature': 'f', 'anomaly': 'A_B'}}, which Field required",
        ),
        ("beam:\n  runner: dask\n", "{file}: beam.runner is 'dask', which should be 'local', 'flink'"),
        ("seed: 1\nseed: 2\n", "{file}:2: is not valid YAML: key 'seed' is there twice"),
        ("seed: [1\n", "{file}:2: is not valid YAML"),
        ("just words\n", "{file}: does not hold settings; expected lines such as `seed: 42`"),
    ],
)
def test_bad_file_is_refused_with_file_key_and_remedy(tmp_path: Path, text: str, message: str):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert str(error.value).startswith(message.format(file=path))
    assert "\n" not in str(error.value)


def test_every_wrong_key_is_named_at_once(tmp_path: Path):
    path = tmp_path / "bad.yaml"
    path.write_text("seeds: 1\nranking:\n  epochs: many\n")
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert {line.split(" is ")[0].split(";")[0] for line in str(error.value).splitlines()} == {
        f"{path}: unknown setting seeds",
        f"{path}: ranking.epochs",
    }


def test_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read"):
        load_config(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("ranking.epoch=3", "override 'ranking.epoch=3': unknown setting ranking.epoch; did you mean"),
        ("evaluation.slices=7", "override 'evaluation.slices=7': evaluation.slices is 7, which should be"),
        ("seed", "override 'seed': expected section.key=value"),
        ("ranking..epochs=3", "override 'ranking..epochs=3': expected section.key=value"),
        ("seed.x=3", "override 'seed.x=3': seed is not a section"),
        ("ranking.hidden_units=[1", "override 'ranking.hidden_units=[1': '[1' is not valid YAML"),
    ],
)
def test_bad_override_is_refused_by_its_own_name(tmp_path: Path, override: str, message: str):
    path = tmp_path / "good.yaml"
    path.write_text("seed: 7\n")
    with pytest.raises(ConfigError) as error:
        load_config(path, [override])
    assert str(error.value).startswith(message)


def test_settings_cannot_be_changed_later():
    with pytest.raises(ValidationError, match="frozen"):
        PipelineConfig().seed = 1  # type: ignore[misc]


def test_paths_below_a_bucket_keep_both_slashes():
    config = PipelineConfig(output="gs://bucket/root")
    assert config.artifact_root == "gs://bucket/root/artifacts"
    assert config.serving_dir("ranking") == "gs://bucket/root/serving/ranking"


@pytest.mark.parametrize(
    ("overrides", "series"),
    [
        # Two folders of one name are not one series.
        (["data_dir=/data/ml-25m/"], "/data/ml-25m"),
        (["data_dir=gs://bucket/ml-25m"], "gs://bucket/ml-25m"),
        (["data_dir=/data/2026-01-31", "data_gate.series=nightly"], "nightly"),
    ],
)
def test_runs_on_one_data_set_are_one_series(overrides: list[str], series: str):
    assert load_config(None, overrides).data_series == series


@pytest.mark.parametrize("path", sorted(DEFAULTS.parent.glob("presets/*.yaml")), ids=lambda path: path.stem)
def test_shipped_presets_change_the_models_alone(path: Path):
    changed = load_config(path)
    assert changed != PipelineConfig()
    models = {"model", "retrieval", "ranking", "joint"}
    assert changed.model_dump(exclude=models) == PipelineConfig().model_dump(exclude=models)
