"""Where a local run hooks into TFX beyond its public interface: all of it is here.

LocalDagRunner lacks a hook. It makes one `launcher.Launcher` a node, by keyword arguments, and calls its
`launch`. That reads `cache_utils.get_cached_outputs` for what can be reused, calls its own `_run_executor`,
which leaves the work to an executor operator, and then its own `_publish_successful_execution`.
"""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import tfx
from tfx.orchestration import metadata
from tfx.orchestration.portable import cache_utils, launcher

# The versions of TFX that the hooks were checked against.
CHECKED_VERSIONS: Final = ("1.16.0", "1.21.0")


class TfxVersionError(RuntimeError):
    """The TFX that is installed may work otherwise inside than what the hooks were checked against."""


def check_version(installed: str = tfx.__version__) -> None:
    """Refuses a version of TFX that the hooks were not checked against.

    Raises:
      TfxVersionError: names which versions there are and what to do.
    """
    if installed not in CHECKED_VERSIONS:
        raise TfxVersionError(
            f"TFX {installed} is installed, but local runs hook into TFX {', '.join(CHECKED_VERSIONS)}; "
            "install one of these with `make venv`, or run the tests of pipeline/local_run/tfx_internals.py "
            "with the other one and add it to CHECKED_VERSIONS"
        )


class HookedLauncher(launcher.Launcher):
    """A launcher with hooks around the executor, and one before what it wrote is published."""

    def __init__(self, **arguments: Any) -> None:
        """As `launcher.Launcher`, whose executor operator asks `execute` from now on."""
        super().__init__(**arguments)
        operator: Any = self._executor_operator
        self._executor_operator: Any = operator and _Operator(operator, self.execute)

    def execute(self, operator: Any, execution_info: Any) -> Any:
        """Runs the executor, and returns its output."""
        return operator.run_executor(execution_info)

    def before_executor(self, outputs: Mapping[str, Sequence[Any]]) -> None:
        """Is called with the output artifacts of a node by channel, whose folders are still to be made."""

    def before_publication(self, artifacts: Iterable[Any]) -> None:
        """Is called with the ML Metadata artifacts that a node wrote, before they are in the store."""

    def _run_executor(self, execution_info: Any) -> Any:
        self.before_executor(execution_info.output_dict)
        return super()._run_executor(execution_info)

    def _publish_successful_execution(
        self, execution_id: int, contexts: Any, output_dict: Any, executor_output: Any
    ) -> None:
        # What an executor returns of its outputs replaces what the launcher has of them.
        replaced = executor_output.output_artifacts if executor_output else {}
        for channel, outputs in output_dict.items():
            known = [output.mlmd_artifact for output in outputs]
            self.before_publication(replaced[channel].artifacts if channel in replaced else known)
        super()._publish_successful_execution(execution_id, contexts, output_dict, executor_output)


class _Operator:
    """An executor operator whose executor is run by a function."""

    def __init__(self, operator: Any, execute: Callable[[Any, Any], Any]) -> None:
        self._operator = operator
        self._execute = execute

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operator, name)

    def run_executor(self, execution_info: Any) -> Any:
        return self._execute(self._operator, execution_info)


def made_from(operator: Any) -> tuple[type[Any], Any]:
    """What another process makes the same executor operator from: its class and its only argument."""
    return type(operator), operator._executor_spec


@contextlib.contextmanager
def hooked(
    make_launcher: Callable[..., launcher.Launcher],
    before_cache: Callable[[metadata.Metadata, Any], None],
) -> Iterator[None]:
    """LocalDagRunner with other launchers, and a hook before the cache is read.

    Args:
      make_launcher: makes the launcher of a node, from the keyword arguments of `launcher.Launcher`.
      before_cache: is called with an open store and the cache context of a node.
    """
    check_version()
    module: Any = launcher
    cache: Any = cache_utils
    original, cached_outputs = module.Launcher, cache.get_cached_outputs

    def hooked_outputs(metadata_handle: metadata.Metadata, cache_context: Any) -> Any:
        before_cache(metadata_handle, cache_context)
        return cached_outputs(metadata_handle=metadata_handle, cache_context=cache_context)

    module.Launcher, cache.get_cached_outputs = make_launcher, hooked_outputs
    try:
        yield
    finally:
        module.Launcher, cache.get_cached_outputs = original, cached_outputs


@contextlib.contextmanager
def no_command_line() -> Iterator[None]:
    """Hides our flags from executors and absl: TFX hands `sys.argv` on, where they mean something else."""
    argv = sys.argv
    sys.argv = argv[:1]
    try:
        yield
    finally:
        sys.argv = argv
