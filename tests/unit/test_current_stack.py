"""What `make test-current-stack` refuses before it makes a root or an environment."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def refusal(folder: Path, *steps: str) -> str:
    """The error of the script on a machine with an old glibc and a user who is not root."""
    for name, answer in {"getconf": "glibc 2.36", "id": "1000"}.items():
        (folder / name).write_text(f"#!/bin/sh\necho {answer}\n")
        (folder / name).chmod(0o755)
    done = subprocess.run(
        [ROOT / "tests" / "current_stack.sh", *steps],
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    return done.stderr


@pytest.mark.parametrize("step", ["rum", "tests/unit/test_nothing.py"])
def test_unknown_step_is_named(tmp_path: Path, step: str) -> None:
    assert step in refusal(tmp_path, "run", step)


def test_a_debian_root_needs_the_rights_of_root(tmp_path: Path) -> None:
    assert "as root" in refusal(tmp_path, "run")
    assert not (tmp_path / ".cache").exists()
