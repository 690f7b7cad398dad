"""A published version that is not as it was pushed is noticed, unless somebody chose another one since."""

import shutil
from pathlib import Path

import pytest
from ml_metadata.proto.metadata_store_pb2 import Artifact

from components.atomic_pusher.manifest import PROMOTE, ROLLBACK, Provenance
from components.atomic_pusher.publishing import Pushed, Retention
from pipeline.local_run.pushed_versions import version_damage
from tests.unit.components.atomic_pusher.one_servable import point, push


def _push(folder: Path, weights: str) -> Pushed:
    model = folder / weights
    (model / "variables").mkdir(parents=True)
    (model / "saved_model.pb").write_text("graph")
    (model / "variables" / "data").write_text(weights)
    return push(str(folder / "base"), str(model), Provenance(), Retention(5))


def _artifact(pushed: Pushed, *, blessed: bool = True) -> Artifact:
    artifact = Artifact()
    artifact.custom_properties["pushed"].int_value = int(blessed)
    artifact.custom_properties["pushed_destination"].string_value = pushed.path
    return artifact


def test_a_version_as_it_was_pushed(tmp_path: Path) -> None:
    assert version_damage(_artifact(_push(tmp_path, "one"))) == ""


def test_a_changed_file_is_named(tmp_path: Path) -> None:
    pushed = _push(tmp_path, "one")
    file = Path(pushed.path) / "variables" / "data"
    file.write_text("two")

    assert version_damage(_artifact(pushed)) == f"{file} has changed since it was pushed"


def test_a_version_that_is_gone(tmp_path: Path) -> None:
    pushed = _push(tmp_path, "one")
    shutil.rmtree(pushed.path)

    assert version_damage(_artifact(pushed)) == f"{pushed.path} is gone"


@pytest.mark.parametrize("action", [ROLLBACK, PROMOTE])
def test_nothing_undoes_that_somebody_chose_another_version(action, tmp_path: Path) -> None:
    first, second = _push(tmp_path, "one"), _push(tmp_path, "two")
    point(str(tmp_path / "base"), first.version, action)
    shutil.rmtree(second.path)

    assert version_damage(_artifact(second)) == ""


def test_what_was_not_pushed_has_no_version(tmp_path: Path) -> None:
    pushed = _push(tmp_path, "one")
    shutil.rmtree(pushed.path)

    assert version_damage(_artifact(pushed, blessed=False)) == ""
    assert version_damage(Artifact()) == ""
