"""Each hook into TFX, on a real pipeline: that TFX calls it when and with what it is documented to."""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

# Importing TFX alone takes longer than the tests that are run after every save may take.
pytestmark = pytest.mark.slow


def _run(root: Path, seen: list[tuple[str, object]]) -> None:
    """Runs two nodes, the second of which writes a model, and notes the calls of the hooks."""
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    from pipeline.local_run.tfx_internals import HookedLauncher, hooked
    from tests.unit.pipeline import tiny_pipeline

    class Noting(HookedLauncher):
        def __init__(self, *, note: Callable[[tuple[str, object]], None], **rest: Any) -> None:
            self._note = note
            super().__init__(**rest)

        def before_executor(self, outputs: Mapping[str, Sequence[Any]]) -> None:
            self._note(("executor", [Path(each.uri).exists() for each in outputs.get("model", ())]))

        def before_publication(self, artifacts: Iterable[Any]) -> None:
            files = [Path(each.uri) / "weights" for each in artifacts]
            self._note(("publication", [file.read_text() for file in files if file.is_file()]))

    make = functools.partial(Noting, note=seen.append)
    with hooked(make, lambda handle, context: seen.append(("cache", handle.store is not None))):
        LocalDagRunner().run(tiny_pipeline.create(root, 5))


def test_hooks_are_called_before_cache_executor_and_publication(tmp_path: Path) -> None:
    seen: list[tuple[str, object]] = []
    _run(tmp_path, seen)
    assert seen == [
        ("cache", True),
        ("executor", []),
        ("publication", []),
        ("cache", True),
        ("executor", [False]),
        ("publication", ["5"]),
    ]
    # What is reused is neither executed nor published anew.
    seen.clear()
    _run(tmp_path, seen)
    assert seen == [("cache", True), ("cache", True)]


def test_tfx_is_as_it_was_afterwards() -> None:
    from tfx.orchestration.portable import cache_utils, launcher

    from pipeline.local_run.tfx_internals import HookedLauncher, hooked

    before = launcher.Launcher, cache_utils.get_cached_outputs
    with contextlib.suppress(KeyboardInterrupt), hooked(HookedLauncher, lambda handle, context: None):
        assert launcher.Launcher is HookedLauncher
        assert cache_utils.get_cached_outputs is not before[1]
        raise KeyboardInterrupt
    assert (launcher.Launcher, cache_utils.get_cached_outputs) == before


def test_the_command_line_is_hidden_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.local_run.tfx_internals import no_command_line

    monkeypatch.setattr(sys, "argv", ["runner", "--set", "a=b"])
    with no_command_line():
        assert sys.argv == ["runner"]
    assert sys.argv == ["runner", "--set", "a=b"]


def test_the_installed_tfx_is_one_that_the_hooks_were_checked_against() -> None:
    from pipeline.local_run.tfx_internals import TfxVersionError, check_version

    check_version()
    with pytest.raises(TfxVersionError, match=r"TFX 1\.0\.0 is installed"):
        check_version("1.0.0")
