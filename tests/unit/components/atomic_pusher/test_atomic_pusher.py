"""The component with TFX's artifacts: blessings rule, the artifact holds it, and a better model replaces."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.components.base import base_executor
from tfx.types import Artifact, Channel, artifact_utils, standard_artifacts

from components.atomic_pusher.component import AtomicPusher, ServableInputs
from components.atomic_pusher.executor import AtomicPusherExecutor
from components.atomic_pusher.versions import read_manifest, served_version, versions_in
from tests.unit.components.atomic_pusher.one_servable import point
from tests.unit.components.atomic_pusher.tiny_models import answers, rating_file

BLESSINGS: dict[str, type[Artifact]] = {
    "model_blessing": standard_artifacts.ModelBlessing,
    "infra_blessing": standard_artifacts.InfraBlessing,
}


def channel(kind: type[Artifact]) -> Channel:
    return Channel(type=kind)


def component(
    base: Path, keep_versions: int = 5, code: str = "cc", wired: Sequence[str] = ()
) -> AtomicPusher:
    return AtomicPusher(
        {
            base.name: ServableInputs(
                model=channel(standard_artifacts.Model),
                base_directory=str(base),
                code={"training": code},
                evaluation=channel(standard_artifacts.ModelEvaluation),
                **{name: channel(BLESSINGS[name]) for name in wired},
            )
        },
        ratings=channel(standard_artifacts.Examples),
        movies=channel(standard_artifacts.Examples),
        schema=channel(standard_artifacts.Schema),
        keep_versions=keep_versions,
        measured_on="eval split, random, tiny",
    )


class Run:
    """Runs the executor as TFX does, each time with artifacts of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.base, self.count = folder, folder / "serving" / "ranking", 0
        self.ratings = self._examples("ratings", ["train", "eval"])
        self.movies = self._examples("movies", ["all"])
        self.schema = self._artifact(standard_artifacts.Schema, "schema")
        (folder / "schema" / "schema.pbtxt").write_text('feature { name: "user_id" }')

    def _artifact(self, kind: Callable[[], Artifact], name: str) -> Artifact:
        artifact = kind()
        artifact.uri = str(self.folder / name)
        (self.folder / name).mkdir()
        return artifact

    def _examples(self, name: str, splits: list[str]) -> Artifact:
        artifact = self._artifact(standard_artifacts.Examples, name)
        artifact.split_names = artifact_utils.encode_split_names(splits)
        for split in splits:
            rating_file(self.folder / name / f"Split-{split}" / "data-0.gz")
        return artifact

    def __call__(
        self, model: Path, wired: Sequence[str] | None = None, reason: str = "", **blessed: bool
    ) -> Artifact:
        self.count += 1
        trained = standard_artifacts.Model()
        trained.uri = str(self.folder / f"trained-{self.count}")
        Path(trained.uri).mkdir()
        (Path(trained.uri) / "Format-Serving").symlink_to(model)
        inputs = {
            "ranking_model": [trained],
            "ratings": [self.ratings],
            "movies": [self.movies],
            "schema": [self.schema],
        }
        for name, is_blessed in blessed.items():
            [blessing] = inputs[f"ranking_{name}"] = [BLESSINGS[name]()]
            blessing.set_int_custom_property("blessed", int(is_blessed))
            blessing.set_string_custom_property("reason", reason)
        pushed = self._artifact(standard_artifacts.PushedModel, f"pushed-{self.count}")
        wired = list(blessed) if wired is None else wired
        properties = component(self.base, wired=wired).spec.exec_properties
        context = base_executor.BaseExecutor.Context(
            tmp_dir=str(self.folder / "tmp"), unique_id="1", pipeline_run_id=f"run {self.count}"
        )
        AtomicPusherExecutor(context).Do(inputs, {"pushed_ranking": [pushed]}, properties)
        return pushed


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def properties(artifact: Artifact) -> dict[str, Any]:
    values = artifact.mlmd_artifact.custom_properties
    return {name: getattr(value, value.WhichOneof("value")) for name, value in values.items()}


def test_a_better_model_replaces_a_worse_one_a_worse_one_does_not_and_a_rollback_brings_it_back(
    run: Run, models: list[Path]
) -> None:
    worse = run(models[0], model_blessing=True)
    better = run(models[1], model_blessing=True)
    refused = run(models[2], model_blessing=False)
    first, second = versions_in(str(run.base))
    assert properties(worse) == {
        "pushed": 1,
        "pushed_destination": str(run.base / str(first)),
        "pushed_version": str(first),
    }
    assert properties(better)["pushed_version"] == str(second)
    assert properties(refused) == {
        "pushed": 0,
        "reason": "ranking: its model was not blessed (see its evaluator)",
    }
    assert answers(run.base / str(second)) == answers(models[1])
    # The artifact keeps the model, as the stock Pusher's does.
    assert answers(better.uri) == answers(models[1])

    before = answers(run.base / str(first))
    back = point(str(run.base), first, "rollback").version
    assert served_version(str(run.base)) == back
    assert answers(run.base / str(back)) == before != answers(models[1])


@pytest.mark.parametrize(
    ("blessed", "pushed"),
    [
        ({}, 1),
        ({"infra_blessing": True}, 1),
        ({"infra_blessing": False}, 0),
        ({"model_blessing": True, "infra_blessing": True}, 1),
        ({"model_blessing": True, "infra_blessing": False}, 0),
        ({"model_blessing": False, "infra_blessing": True}, 0),
    ],
)
def test_every_blessing_that_there_is_has_to_be_given(
    blessed: dict[str, bool], pushed: int, run: Run, models: list[Path]
) -> None:
    assert properties(run(models[0], **blessed))["pushed"] == pushed
    assert len(versions_in(str(run.base))) == pushed


def test_a_refusal_of_the_probe_is_handed_on(run: Run, models: list[Path]) -> None:
    why = "recommend: catalogue, movies missing 841"
    refused = properties(run(models[0], model_blessing=True, infra_blessing=False, reason=why))
    assert refused == {"pushed": 0, "reason": f"ranking: the probe refused its model: {why}"}


def test_a_blessing_that_is_not_there_is_none(run: Run, models: list[Path]) -> None:
    missing = properties(run(models[0], wired=["model_blessing", "infra_blessing"], model_blessing=True))
    assert missing == {"pushed": 0, "reason": "ranking: there is no infra_blessing of its model"}
    assert versions_in(str(run.base)) == {}


def test_the_manifest_names_run_data_code_and_schema(run: Run, models: list[Path]) -> None:
    def manifest(artifact: Artifact) -> Any:
        found = read_manifest(properties(artifact)["pushed_destination"])
        assert found is not None
        return found.provenance

    first = manifest(run(models[0], model_blessing=True))
    assert (first.run_id, first.code) == ("run 1", {"training": "cc"})
    assert first.measured_on == "eval split, random, tiny"
    (run.folder / "ratings" / "Split-train" / "data-1.gz").write_bytes(b"more")
    second = manifest(run(models[1], model_blessing=True))
    assert second.data["ratings"] != first.data["ratings"]
    assert (second.data["movies"], second.schema) == (first.data["movies"], first.schema)
    (run.folder / "schema" / "schema.pbtxt").write_text('feature { name: "movie_id" }')
    (run.folder / "ratings" / "counts.json").write_text("{}")
    third = manifest(run(models[2], model_blessing=True))
    assert third.schema != first.schema
    assert third.data == second.data


def test_a_model_that_was_rolled_back_does_not_come_back_by_itself(run: Run, models: list[Path]) -> None:
    first, second = (int(properties(run(model))["pushed_version"]) for model in models[:2])
    back = point(str(run.base), first, "rollback").version
    again = properties(run(models[1]))
    assert again["pushed_version"] == str(second)
    assert again["summary"] == (
        f"the models are version {second}, nothing pushed anew; version {back} is served"
    )
    assert served_version(str(run.base)) == back


def test_what_the_cache_looks_at(tmp_path: Path) -> None:
    def key(**more: Any) -> str:
        return json.dumps(
            {name: str(value) for name, value in component(tmp_path, **more).spec.exec_properties.items()}
        )

    assert key() == key()
    assert len({key(), key(keep_versions=6), key(code="dd"), key(wired=["infra_blessing"])}) == 4
