"""`gate accept`: lets data pass that differs from the last accepted run, or eval from train, as meant."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tfx.dsl.io import fileio

from components.data_gate.checks import FAILED, Check
from components.data_gate.record import DataGateError, read_record
from pipeline.commands.dialogue import confirmed
from pipeline.local_run.run_lock import OutputInUseError, run_lock

__all__ = ["DataGateError", "accept"]


def accept(record_path: str, reason: str, yes: bool) -> bool:
    """Makes the next run on the same data pass drift, skew and the other comparisons.

    Other checks have their own settings and stay as they are.

    Args:
      record_path: the record that a refusal named.
      reason: why the change is meant; the next records show it.
      yes: do not ask for confirmation.

    Returns:
      False if the user declined.

    Raises:
      DataGateError: there is no such record, or nothing in it that could be accepted this way, or a run
        is under way.
    """
    if not reason.strip():
        raise DataGateError("--reason is empty; write why the change is meant")
    try:
        with fileio.open(record_path) as stream:
            store, data, checks = read_record(stream.read())
    except DataGateError as error:
        raise DataGateError(f"{record_path}: {error}") from error
    except Exception as error:  # Each filesystem of TFX has errors of its own.
        raise DataGateError(
            f"{record_path}: cannot be read ({error}); name the file that the refusal named"
        ) from error
    failed = [check for check in checks if check.verdict == FAILED]
    meant = [check for check in failed if check.can_be_accepted]
    if not meant:
        raise DataGateError(
            f"{record_path}: no comparison failed, neither with the last accepted run nor of eval with "
            "train, so there is nothing to accept; the refusal names the setting of each other check"
        )
    _show(f"differs, in series {store.series}, split {store.split}:", meant)
    _show("fails all the same:", [check for check in failed if not check.can_be_accepted])
    if not (yes or confirmed("Accept this data? [y/N] ", DataGateError)):
        return False
    with _no_run_below(store.root):
        folder = store.add_review(data, reason)
    print(f"accepted: {folder}. Run the pipeline again on the same data.")
    return True


@contextlib.contextmanager
def _no_run_below(accepted: str) -> Iterator[None]:
    """Keeps runs away from the folder of accepted data; object stores do not have locks."""
    output = Path(accepted).parent
    if "://" in accepted or not output.is_dir():
        yield
        return
    try:
        with run_lock(output):
            yield
    except OutputInUseError as error:
        raise DataGateError(str(error)) from error


def _show(title: str, checks: list[Check]) -> None:
    if checks:
        print(title, *(f"  {check.sentence()}" for check in checks), sep="\n")
