"""Makes the page of all settings from the models that validate them and the comments of default.yaml."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from pipeline.config import PipelineConfig
from pipeline.setting_trees import SPLIT_DEFAULTS, read_settings

PAGE: Final = "reference/settings.md"
DEFAULTS: Final = Path(__file__).parents[2] / "pipeline" / "configs" / "default.yaml"

_HEAD: Final = """\
# Settings

Every setting of `PipelineConfig`, with its type, default, range and meaning. This page is made from the
models that validate a configuration and from the comments of `pipeline/configs/default.yaml`.

Settings are put together from the defaults, a preset (`--preset`), a file (`--config`) and single settings
(`--set section.key=value`). Later ones replace earlier ones. Under `data.split` other than `leave_last_out`
some defaults differ; a preset with settings of the same model, and a joint model, take the common ones.
"""
_KEY: Final = re.compile(r"^(?P<indent> *)(?P<name>\w+):")
_BOUNDS: Final = {
    "minimum": ">= {}",
    "exclusiveMinimum": "> {}",
    "maximum": "<= {}",
    "exclusiveMaximum": "< {}",
    "pattern": "matches `{}`",
    "minLength": "length >= {}",
    "minItems": "items >= {}",
    "maxItems": "items <= {}",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the page to the site."""
    files.append(File.generated(config, PAGE, content=settings_page()))
    return files


def settings_page() -> str:
    """Returns the page as Markdown."""
    schema = PipelineConfig.model_json_schema()
    comments = _comments(DEFAULTS.read_text("utf-8"))
    parts = [_HEAD, *_section("", PipelineConfig, schema, schema["$defs"], comments)]
    return "\n".join(parts) + "\n"


def _section(
    path: str, model: type[BaseModel], schema: dict[str, Any], defs: dict[str, Any], comments: dict[str, str]
) -> Iterator[str]:
    """Yields the heading and the table of a model, then those of the models in it.

    A comment in default.yaml may be about several keys in a row: one without a text of its own has that of
    the key before it.
    """
    nested = {name: field.annotation for name, field in model.model_fields.items()}
    models = {
        name: each for name, each in nested.items() if isinstance(each, type) and issubclass(each, BaseModel)
    }
    yield f"## `{path}`" if path else "## The run"
    if path and comments.get(path):
        yield f"\n{comments[path]}"
    shared = ""
    yield "\n| setting | type | default | range | meaning |\n|---|---|---|---|---|"
    for name, field in model.model_fields.items():
        if name in models:
            continue
        own = f"{path}.{name}".lstrip(".")
        described = comments.get(own) or field.description or _elsewhere(name, own, comments) or shared
        shared = described
        if not described:
            raise ValueError(
                f"the setting {own} lacks a description: add one to its Field or a comment to {DEFAULTS}"
            )
        kind, bounds = _type_and_range(schema["properties"][name], defs)
        default = json.dumps(to_jsonable_python(field.get_default(call_default_factory=True)))
        cells = (f"`{own}`", kind, _defaults(own, default), bounds, " ".join(described.split()))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""
    for name, inner in models.items():
        reference = schema["properties"][name].get("$ref") or schema["properties"][name]["allOf"][0]["$ref"]
        yield from _section(
            f"{path}.{name}".lstrip("."), inner, defs[reference.rsplit("/", 1)[1]], defs, comments
        )


def _defaults(own: str, common: str) -> str:
    """Returns the default of a setting, and behind it those that split rules have instead."""
    section, _, name = own.rpartition(".")
    rules_of: dict[str, list[str]] = {}
    for rule, tree in read_settings(SPLIT_DEFAULTS).items():
        if name in tree.get(section, {}):
            rules_of.setdefault(json.dumps(tree[section][name]), []).append(f"`{rule}`")
    others = [f"`{value}` with {' and '.join(rules)}" for value, rules in rules_of.items()]
    return ", ".join([f"`{common}`", *others])


def _elsewhere(name: str, own: str, comments: dict[str, str]) -> str:
    """Returns what a setting of the same name means in another section."""
    return next((text for path, text in comments.items() if path.split(".")[-1] == name and path != own), "")


def _type_and_range(schema: dict[str, Any], defs: dict[str, Any]) -> tuple[str, str]:
    if "$ref" in schema:
        schema = {**defs[schema["$ref"].rsplit("/", 1)[1]], **schema}
    if "anyOf" in schema:
        options = [_type_and_range(each, defs) for each in schema["anyOf"]]
        return " or ".join(kind for kind, _ in options), ", ".join(
            filter(None, (text for _, text in options))
        )
    bounds = ", ".join(text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema)
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return "choice", ", ".join(f"`{value}`" for value in values)
    kind = str(schema.get("type", "any"))
    if kind == "array" and isinstance(schema.get("items"), dict):
        item, item_bounds = _type_and_range(schema["items"], defs)
        return f"list of {item}", ", ".join(filter(None, (bounds, item_bounds)))
    return kind, bounds


def _comments(text: str) -> dict[str, str]:
    """Returns the comment above each key of a YAML file, by dotted path; a key without one is left out."""
    found: dict[str, str] = {}
    section, comment = "", [""]
    for line in text.splitlines():
        key = _KEY.match(line)
        if line.lstrip().startswith("#"):
            comment.append(line.strip("# "))
        elif key:
            name = key["name"] if not key["indent"] else f"{section}.{key['name']}"
            section = key["name"] if not key["indent"] else section
            found[name] = " ".join(comment).strip()
            comment = []
        else:
            comment = []
    return {path: text for path, text in found.items() if text}
