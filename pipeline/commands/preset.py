"""`preset`: makes a preset of what the Tuners of a run have found."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from pipeline.config import JOINT, MODELS, RANKING, RETRIEVAL, PipelineConfig, load_config
from pipeline.local_run.node_metrics import SUMMARY
from pipeline.local_run.run_summary import shown
from pipeline.setting_trees import PRESETS
from reports.errors import ReportError
from reports.reading.run_data import Artifact, Run
from reports.reading.run_store import load_run
from trainer_module.common.hyperparameters import tuned_values, with_values

# TFX's names: the Tuner's output, and the file in it.
_BEST: Final = "best_hyperparameters"
_BEST_FILE: Final = "best_hyperparameters.txt"

# The setting that chooses which models are trained.
_MODEL: Final = "model"
# Settings that a search does not depend on, or that only one machine has.
_BESIDE: Final = ("output", "dataset", "data_dir", "data_gate", "evaluation", "push", "beam", "kubeflow")
# Characters of a line of the command, which is not broken between a flag and its value.
_WIDTH: Final = 100
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"
# Digits that a searched number is kept with: what matters to a search is far coarser.
_DIGITS: Final = 4
# A section of a preset: the comments above it, its key, and what is indented below.
_SECTION: Final = re.compile(r"(?:^#.*\n)*^(\w+):.*\n(?:^(?:[ \t].*)?\n)*", re.MULTILINE)


class _Dumper(yaml.SafeDumper):
    """Writes a list on one line, as `hidden_units: [64, 32]`."""


_Dumper.add_representer(
    list, lambda dumper, values: dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=True)
)


class PresetError(ValueError):
    """One clear message: which run or file is wrong, and what to do."""


def keep(output: str, run_id: str, name: str, folder: Path = PRESETS, *, overwrite: bool = False) -> Path:
    """Writes the best hyperparameters of a run as a preset; its head and its sections of other models stay.

    Args:
      output: the output folder of the runs.
      run_id: as of `reports.reading.run_store.load_run`.
      name: of the preset.
      folder: of the presets.
      overwrite: whether a section that is there may be replaced.

    Returns:
      The file.

    Raises:
      PresetError: no such run, it has not ended, it lacks a Tuner, or the preset has the section already.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise PresetError(f"{name!r} is not a name of a preset; use lower-case letters, digits, - and _")
    try:
        run = load_run(Path(output), run_id)
    except ReportError as error:
        raise PresetError(str(error)) from error
    found = dict(_sections(run))
    if not found:
        raise PresetError(
            f"no Tuner ended well in run {run.id} in {output!r}; run local_runner.py --tune with the same "
            "--output, or name another run with --run"
        )
    if "tuning" not in run.config:
        raise PresetError(
            f"run {run.id} has not come to its end, so how its Tuner was called is not known yet; wait for "
            "it, or run the same command again"
        )
    file = folder / f"{name}.yaml"
    head, sections = _parts_of(file) if file.is_file() else ("", {})
    there = sorted(sections.keys() & found.keys())
    if there and not overwrite:
        raise PresetError(f"{shown(str(file))} has {' and '.join(there)} already; --yes replaces it")
    if JOINT in found:
        found = {_MODEL: f"{_MODEL}: {JOINT}\n", **found}
    text = head + "\n".join({**sections, **found}.values())
    PipelineConfig.model_validate(yaml.safe_load(text))  # Whatever was there still is a preset.
    partial = file.with_name(f".{file.name}.partial")
    file.parent.mkdir(parents=True, exist_ok=True)
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)
    return file


def _parts_of(file: Path) -> tuple[str, dict[str, str]]:
    """The head of a preset and its sections as they are written, comments included."""
    text = file.read_text(encoding="utf-8")
    found = list(_SECTION.finditer(text))
    sections = {section[1]: section[0].rstrip() + "\n" for section in found}
    if set(sections) != set(yaml.safe_load(text) or {}):
        raise PresetError(f"{shown(str(file))}: is not written section by section; name another preset")
    return text[: found[0].start() if found else None], sections


def _sections(run: Run) -> Iterator[tuple[str, str]]:
    """The section of each model that a Tuner searched for, with what made it."""
    for node, artifact in run.outputs(_BEST):
        model = node.id.removesuffix("Tuner").lower()
        best = artifact.folder / _BEST_FILE
        if model not in MODELS or not best.is_file():
            continue
        made_by = "".join(f"# {line}\n" for line in _made_by(run, model, artifact))
        values = _hyperparameters(run, model, json.loads(best.read_text(encoding="utf-8")))
        for section, hyperparameters in values.items():
            yield section, made_by + yaml.dump({section: hyperparameters}, Dumper=_Dumper, sort_keys=False)
            made_by = ""


def _hyperparameters(run: Run, model: str, best: Mapping[str, Any]) -> dict[str, Any]:
    """What was found, and what the run was configured with where that is not a default, by section."""
    sections = (JOINT, RETRIEVAL, RANKING) if model == JOINT else (model,)
    defaults = PipelineConfig().model_dump(mode="json")
    found: dict[str, Any] = {}
    for section in sections:
        configured = run.config.get(section, {})
        assert isinstance(configured, Mapping)
        found[section] = {
            name: value for name, value in configured.items() if value != defaults[section].get(name)
        }
    values = {
        name if "." in name else f"{model}.{name}": _rounded(value)
        for name, value in tuned_values(best).items()
    }
    return {section: settings for section, settings in with_values(found, values).items() if settings}


def _rounded(value: object) -> object:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def _made_by(run: Run, model: str, best: Artifact) -> Iterator[str]:
    summary = str(best.properties.get(SUMMARY, "best"))
    yield f"{summary.capitalize()} trials, on validation examples cut from the train split."
    split = _setting(run, "data", "split")
    yield f"Data: {run.data_name}, split {split}. Found by the Tuner of {model} on {run.id[:10]}:"
    command = " ".join(shlex.join(words).replace(" ", _NO_BREAK) for words in _command(run, model))
    lines = textwrap.wrap(command, _WIDTH, break_long_words=False, break_on_hyphens=False)
    yield "  " + " \\\n#     ".join(lines).replace(_NO_BREAK, " ")


def _command(run: Run, model: str) -> Iterator[list[str]]:
    """The command that searches for one model under the same settings, the data named without its folder."""
    yield ["python", "local_runner.py"]
    if not run.synthetic:
        yield ["--data-dir", run.data_name]
    for key, value in _changes(run.config, _defaults(run)):
        others = set() if model == JOINT else {*MODELS} - {model}  # A joint model has the settings of both.
        if key.partition(".")[0] in {*_BESIDE, *others}:
            continue
        if key == "data.split":
            yield ["--split", str(value)]
        elif key == "tuning.models":
            yield ["--tune", model]
        else:
            yield ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]


def _defaults(run: Run) -> dict[str, Any]:
    """The settings of a run to which only its split rule and its kind of model had been given."""
    asked = {"data.split": _setting(run, "data", "split"), _MODEL: run.config.get(_MODEL)}
    given = [f"{key}={json.dumps(value)}" for key, value in asked.items() if value is not None]
    common = PipelineConfig().model_dump(mode="json")
    found = load_config(None, given).model_dump(mode="json")
    return {**common, **{section: found[section] for section in MODELS}}


def _changes(
    tree: Mapping[str, Any], defaults: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        default = defaults.get(name)
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            yield from _changes(value, default, f"{prefix}{name}.")
        elif value != default:
            yield f"{prefix}{name}", value


def _setting(run: Run, section: str, name: str) -> object:
    found = run.config.get(section, {})
    return found.get(name) if isinstance(found, Mapping) else None
