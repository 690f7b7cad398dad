"""The servables of one run: one number, all or none, in their order, and kept together."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tfx.dsl.components.base import base_executor
from tfx.types import Artifact, Channel, artifact_utils, standard_artifacts

from components.atomic_pusher import history, publishing
from components.atomic_pusher.component import AtomicPusher, ServableInputs
from components.atomic_pusher.executor import AtomicPusherExecutor
from components.atomic_pusher.manifest import Provenance
from components.atomic_pusher.publishing import PushCandidate, PushError, Retention, point, push
from components.atomic_pusher.sets import unfinished
from components.atomic_pusher.storage import LocalStorage
from components.atomic_pusher.versions import read_manifest, served_version, versions_in
from contracts.signatures import PUBLISHED_TOGETHER
from tests.unit.components.atomic_pusher.tiny_models import rating_file

KEEP = Retention(5)


class Servables:
    """Folders of the three servables, and models that differ in a text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bases = [str(folder / "serving" / name) for name in PUBLISHED_TOGETHER]

    def candidates(self, *texts: str) -> list[PushCandidate]:
        """One text for all, or one for each."""
        found = []
        for base, text in zip(self.bases, texts if len(texts) > 1 else texts * 3, strict=True):
            model = self.folder / "models" / f"{Path(base).name}-{text}"
            model.mkdir(parents=True, exist_ok=True)
            (model / "saved_model.pb").write_text(text)
            found.append(PushCandidate(base, str(model), Provenance()))
        return found

    def push(self, *texts: str, retention: Retention = KEEP) -> int:
        return push(self.candidates(*texts), retention)[0].version

    @property
    def versions(self) -> list[list[int]]:
        return [list(versions_in(base)) for base in self.bases]

    @property
    def served(self) -> list[str]:
        return [Path(base, str(served_version(base)), "saved_model.pb").read_text() for base in self.bases]


@pytest.fixture
def run(tmp_path: Path) -> Servables:
    return Servables(tmp_path)


def test_they_get_one_number_and_each_manifest_and_log_names_them(run: Servables) -> None:
    version = run.push("a")
    assert run.versions == [[version]] * 3
    for base in run.bases:
        manifest = read_manifest(f"{base}/{version}")
        assert manifest is not None
        assert manifest.move.servables == PUBLISHED_TOGETHER
        [line] = Path(base, history.LOG_FILE).read_text().splitlines()
        assert json.loads(line)["servables"] == list(PUBLISHED_TOGETHER)


def test_the_number_is_above_those_of_every_folder(run: Servables) -> None:
    Path(run.bases[1], "9000000000").mkdir(parents=True)
    assert run.push("a") == 9_000_000_001


def test_they_come_in_their_order_once_all_are_written(
    run: Servables, monkeypatch: pytest.MonkeyPatch
) -> None:
    came = []
    publish = LocalStorage.publish

    def watched(storage: LocalStorage, staged: str, path: str) -> None:
        waiting = [name for base in run.bases for name in os.listdir(base) if name.startswith(".staged-")]
        came.append((Path(path).parent.name, len(waiting)))
        publish(storage, staged, path)

    monkeypatch.setattr(LocalStorage, "publish", watched)
    run.push("a")
    assert came == [("ranking", 3), ("retrieval", 2), ("recommender", 1)]


def test_a_model_that_is_there_is_published_again_with_what_is_new(run: Servables) -> None:
    first = run.push("a", "b", "c")
    second = run.push("a", "b", "d")
    assert run.versions == [[first, second]] * 3
    # And a run that was pushed whole is not pushed again, nor when it was rolled back.
    assert run.push("a", "b", "d") == second
    point(run.bases, first, "rollback")
    assert run.push("a", "b", "d") == second
    assert run.served == ["a", "b", "c"]


def test_a_version_of_one_alone_does_not_stand_for_a_run(run: Servables) -> None:
    first = run.push("a")
    alone = point(run.bases[:1], first, "promote")[0].version
    for base in run.bases[1:]:
        shutil.copytree(f"{base}/{first}", f"{base}/{alone}")
    assert run.push("a") == first


@pytest.mark.parametrize("at", range(3))
def test_a_publication_that_fails_is_taken_back(
    at: int, run: Servables, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run.push("a")
    publish, count = LocalStorage.publish, iter(range(3))

    def failing(storage: LocalStorage, staged: str, path: str) -> None:
        if next(count) == at:
            raise OSError(28, "No space left on device", path)
        publish(storage, staged, path)

    with monkeypatch.context() as patch:
        patch.setattr(LocalStorage, "publish", failing)
        with pytest.raises(PushError, match=f"No space left.*version {first} is still served"):
            run.push("b")
    assert run.versions == [[first]] * 3
    for base in run.bases:
        assert sorted(os.listdir(base)) == sorted([".lock", history.LOG_FILE, str(first)])


@pytest.mark.parametrize("published", [1, 2])
def test_what_a_killed_push_left_alone_goes_when_the_next_is_out(
    published: int, run: Servables, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run.push("a")
    killed = run.push("b")
    for base in run.bases[published:]:
        shutil.rmtree(f"{base}/{killed}")
    for base in run.bases:
        log = Path(base, history.LOG_FILE)
        log.write_text(log.read_text().splitlines()[0] + "\n")
    assert [unfinished(base) for base in run.bases[:published]] == [[killed]] * published

    seen = []
    remove = publishing._remove
    monkeypatch.setattr(
        publishing, "_remove", lambda base, number: (seen.append(run.served), remove(base, number))
    )
    second = run.push("b")
    assert second > killed
    assert run.versions == [[first, second]] * 3
    # No servable goes back to an older version in between.
    assert seen == [["b"] * 3] * published
    assert [[move.version for move in history.moves(base)] for base in run.bases] == [[first, second]] * 3


def test_a_rollback_clears_up_too(run: Servables) -> None:
    first = run.push("a")
    killed = run.push("b")
    shutil.rmtree(f"{run.bases[2]}/{killed}")
    log = Path(run.bases[2], history.LOG_FILE)
    log.write_text(log.read_text().splitlines()[0] + "\n")
    made = point(run.bases, first, "rollback")[0].version
    assert run.versions == [[first, made]] * 3
    assert run.served == ["a"] * 3


def test_a_version_that_somebody_removed_by_hand_is_not_an_unfinished_one(run: Servables) -> None:
    first, second = run.push("a"), run.push("b")
    shutil.rmtree(f"{run.bases[2]}/{first}")
    third = run.push("c")
    assert run.versions == [[first, second, third], [first, second, third], [second, third]]


def test_retention_keeps_the_servables_of_a_run_together(run: Servables) -> None:
    first, second = run.push("a"), run.push("b")
    # One more of ranking, which must not push out what the others still have.
    alone = point(run.bases[:1], first, "promote")[0].version
    third = run.push("c", retention=Retention(2))
    assert run.versions == [[second, alone, third], [second, third], [second, third]]
    fourth = run.push("d", retention=Retention(1))
    assert run.versions == [[fourth]] * 3


def test_pinned_versions_stay_of_all_of_them(run: Servables) -> None:
    first = run.push("a")
    for text in "bc":
        last = run.push(text, retention=Retention(1, [first]))
    assert run.versions == [[first, last]] * 3


@pytest.mark.parametrize("refused", PUBLISHED_TOGETHER)
@pytest.mark.parametrize("blessing", ["model_blessing", "infra_blessing"])
def test_one_that_is_not_blessed_keeps_all_of_them_back(
    blessing: str, refused: str, run: Servables, tmp_path: Path, models: list[Path]
) -> None:
    pushed = _execute(run, tmp_path, models, lambda servable, kind: (servable, kind) != (refused, blessing))
    for artifact in pushed.values():
        assert artifact.get_int_custom_property("pushed") == 0
        assert artifact.get_string_custom_property("reason").startswith(f"{refused}: ")
    assert run.versions == [[]] * 3


def test_all_of_them_blessed_are_pushed(run: Servables, tmp_path: Path, models: list[Path]) -> None:
    pushed = _execute(run, tmp_path, models, lambda servable, kind: True)
    [version] = {artifact.get_string_custom_property("pushed_version") for artifact in pushed.values()}
    assert run.versions == [[int(version)]] * 3
    manifest = read_manifest(f"{run.bases[0]}/{version}")
    assert manifest is not None
    assert manifest.move.servables == PUBLISHED_TOGETHER
    for name, artifact in pushed.items():
        destination = str(tmp_path / "serving" / name / version)
        assert artifact.get_string_custom_property("pushed_destination") == destination


def _execute(
    run: Servables, folder: Path, models: list[Path], is_blessed: Callable[[str, str], bool]
) -> dict[str, Artifact]:
    """Runs the executor as TFX does, with blessings that the function decides on."""
    kinds = {
        "model_blessing": standard_artifacts.ModelBlessing,
        "infra_blessing": standard_artifacts.InfraBlessing,
    }
    component = AtomicPusher(
        {
            Path(base).name: ServableInputs(
                Channel(type=standard_artifacts.Model),
                base,
                code={},
                **{kind: Channel(type=of_kind) for kind, of_kind in kinds.items()},
            )
            for base in run.bases
        },
        ratings=Channel(type=standard_artifacts.Examples),
        movies=Channel(type=standard_artifacts.Examples),
        schema=Channel(type=standard_artifacts.Schema),
        keep_versions=5,
        measured_on="eval split, random, tiny",
    )

    def new(kind: type[Artifact], name: str) -> Artifact:
        artifact = kind()
        artifact.uri = str(folder / "artifacts" / name)
        Path(artifact.uri).mkdir(parents=True)
        return artifact

    ratings = new(standard_artifacts.Examples, "ratings")
    ratings.split_names = artifact_utils.encode_split_names(["eval"])
    rating_file(Path(ratings.uri) / "Split-eval" / "data-0.gz")
    inputs = {
        "ratings": [ratings],
        "movies": [new(standard_artifacts.Examples, "movies")],
        "schema": [new(standard_artifacts.Schema, "schema")],
    }
    for name, model in zip(PUBLISHED_TOGETHER, models, strict=True):
        [trained] = inputs[f"{name}_model"] = [new(standard_artifacts.Model, f"{name}-model")]
        (Path(trained.uri) / "Format-Serving").symlink_to(model)
        for kind, of_kind in kinds.items():
            [blessing] = inputs[f"{name}_{kind}"] = [new(of_kind, f"{name}-{kind}")]
            blessing.set_int_custom_property("blessed", int(is_blessed(name, kind)))
    outputs = {name: new(standard_artifacts.PushedModel, f"{name}-pushed") for name in PUBLISHED_TOGETHER}
    context = base_executor.BaseExecutor.Context(tmp_dir=str(folder / "tmp"), unique_id="1")
    AtomicPusherExecutor(context).Do(
        inputs,
        {f"pushed_{name}": [artifact] for name, artifact in outputs.items()},
        component.spec.exec_properties,
    )
    return outputs
