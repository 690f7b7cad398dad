"""Settings as trees of plain values: YAML files, the presets among them, and `a.b=c` overrides."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

# Named sets of settings that come with the project, a YAML file each.
PRESETS: Final = Path(__file__).with_name("configs") / "presets"
# The defaults that differ under another split rule than `leave_last_out`, by rule.
SPLIT_DEFAULTS: Final = Path(__file__).with_name("configs") / "split_defaults.yaml"


# The strongest preset of each split, which `best` stands for.
BEST: Final = "best"
_BEST_OF_SPLIT: Final = {"random": "best_random", "official_fold": "best_random", "temporal": "best_temporal"}


class ConfigError(ValueError):
    """A setting is wrong; the message names the file or the override, the key and what was expected."""


def preset_names() -> list[str]:
    """The presets that come with the project."""
    return sorted(file.stem for file in PRESETS.glob("*.yaml"))


def read_preset(name: str) -> dict[str, Any]:
    """The settings of a preset.

    Raises:
      ConfigError: there is none of that name.
    """
    renamed = name.replace("-", "_")
    if name not in preset_names() and renamed in preset_names():
        raise ConfigError(f"there is no preset {name!r}: its name is {renamed} now")
    if name not in preset_names():
        raise ConfigError(f"there is no preset {name!r}; there are {', '.join(preset_names())}")
    return read_settings(PRESETS / f"{name}.yaml")


def preset_of_split(name: str, split: object) -> str:
    """The preset that is meant: for `best`, the strongest one of a split."""
    return _BEST_OF_SPLIT.get(str(split), name) if name == BEST else name


def split_defaults(split: object) -> dict[str, Any]:
    """The defaults that a split rule has instead of the common ones, which may be none."""
    found: dict[str, Any] = read_settings(SPLIT_DEFAULTS).get(str(split), {})
    return found


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both trees as one; where both have a value, that of `above`."""
    both = {
        key: merged(value, above[key])
        for key, value in below.items()
        if isinstance(value, dict) and isinstance(above.get(key), dict)
    }
    return {**below, **above, **both}


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML that refuses a key written twice, where PyYAML would let the last one win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(
                    problem="a key is a list or a section; expected a name, as in `seed: 42`",
                    problem_mark=key.start_mark,
                )
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key {key.value!r} is there twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_settings(path: Path) -> dict[str, Any]:
    """The settings in a YAML file.

    Raises:
      ConfigError: it cannot be read, or does not hold settings.
    """
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give --config a YAML file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text; give --config a YAML file") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: is not valid YAML: {getattr(error, 'problem', None) or error}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: does not hold settings; expected lines such as `seed: 42`")
    return tree


def parse_override(text: str) -> tuple[str, Any]:
    """The dotted key and the value of `section.key=value`.

    Raises:
      ConfigError: it is none.
    """
    dotted, equals, value = text.partition("=")
    if not equals or not all(dotted.split(".")):
        raise ConfigError(f"override {text!r}: expected section.key=value, for example ranking.epochs=5")
    try:
        return dotted, yaml.load(value, _UniqueKeyLoader)
    except yaml.YAMLError:
        raise ConfigError(f"override {text!r}: {value!r} is not valid YAML; quote it") from None


def put(tree: dict[str, Any], dotted: str, value: Any, text: str) -> None:
    """Sets the value under a dotted key, from the override `text`.

    Raises:
      ConfigError: a part of the key is not a section.
    """
    *parents, key = dotted.split(".")
    for parent in parents:
        if tree.get(parent) is None:
            tree[parent] = {}
        tree = tree[parent]
        if not isinstance(tree, dict):
            raise ConfigError(f"override {text!r}: {parent} is not a section")
    tree[key] = value
