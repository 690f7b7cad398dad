"""The set-up script against a stand-in for uv that writes down how it was called."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = f"""\
#!/bin/sh
echo "$1 $2" >>"$UV_CALLS"
case "$1 $2" in
  "python find") [ ! -e no-python ] && echo {sys.executable} ;;
  "python install") exit 2 ;;
  "venv "*) mkdir -p .venv/bin && ln -s {sys.executable} .venv/bin/python ;;
  "pip sync") cat >/dev/null; echo "error: no route to PyPI" >&2; [ ! -e no-network ] ;;
esac
"""


class Project:
    """A folder with all that the set-up reads, and a uv on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self._calls = folder / "calls"
        shutil.copytree(ROOT / "requirements", self.folder / "requirements")
        for name in (
            "setup.py",
            ".python-version",
            "trainer_module/legacy_keras.pth",
            "trainer_module/__init__.py",
        ):
            (self.folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, self.folder / name)
        (self.folder / "local_runner.py").touch()
        uv = folder / "bin" / "uv"
        uv.parent.mkdir()
        uv.write_text(UV)
        uv.chmod(0o755)
        # HOME and PYENV_ROOT hide the Pythons of this machine.
        self._environment = {
            **os.environ,
            "PATH": f"{uv.parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "PYENV_ROOT": str(folder),
            "UV_CALLS": str(self._calls),
        }

    def set_up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self._calls.write_text("")
        return subprocess.run(
            ["requirements/install.sh", *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        """The uv commands of the last set-up that change something."""
        return [call for call in self._calls.read_text().splitlines() if call.startswith(("venv", "pip"))]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_second_set_up_does_nothing(project: Project) -> None:
    assert project.set_up().returncode == 0
    assert project.calls() == ["venv --no-project", "pip sync"]

    again = project.set_up()

    assert (again.returncode, again.stderr, project.calls()) == (0, "", [])


@pytest.mark.parametrize("changed", ["requirements/py310.txt", "setup.py"])
def test_changed_requirements_update_the_environment_in_place(project: Project, changed: str) -> None:
    project.set_up()

    with (project.folder / changed).open("a") as file:
        file.write("# changed\n")

    assert project.set_up().returncode == 0
    assert project.calls() == ["pip sync"]


def test_new_top_level_package_is_installed(project: Project) -> None:
    project.set_up()

    (project.folder / "serving").mkdir()
    (project.folder / "serving" / "__init__.py").touch()
    project.set_up()

    assert project.calls() == ["pip sync"]


@pytest.mark.parametrize("lost", ["movielens-recommender.stamp", "bin/python"])
def test_interrupted_or_broken_environment_is_made_again(project: Project, lost: str) -> None:
    project.set_up()
    left_over = project.folder / ".venv" / "half-installed"
    left_over.touch()

    (project.folder / ".venv" / lost).unlink()

    assert project.set_up().returncode == 0
    assert project.calls() == ["venv --no-project", "pip sync"]
    assert not left_over.exists()


def test_moved_project_gets_a_new_environment(project: Project) -> None:
    project.set_up()

    project.folder = project.folder.rename(project.folder.with_name("moved"))
    project.set_up()

    assert project.calls() == ["venv --no-project", "pip sync"]


def test_failed_installation_leaves_no_environment(project: Project) -> None:
    (project.folder / "no-network").touch()

    done = project.set_up()

    assert done.returncode != 0
    assert "no route to PyPI" in done.stderr
    assert not (project.folder / ".venv").exists()


def test_missing_python_is_an_error_with_how_to_get_it(project: Project) -> None:
    (project.folder / "no-python").touch()

    done = project.set_up()

    assert done.returncode != 0
    for way in ("uv python install 3.10", "pyenv install 3.10", "apt-get install python3.10"):
        assert way in done.stderr
    assert not (project.folder / ".venv").exists()


def test_python_without_locked_requirements_is_refused(project: Project) -> None:
    done = project.set_up("3.9")

    assert done.returncode != 0
    assert "use 3.10 or 3.13" in done.stderr
