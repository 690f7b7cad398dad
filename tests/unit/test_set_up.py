"""The set-up script against a stand-in for uv that writes down it was called, and for Pythons."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = f"""\
#!/bin/sh
echo "$1 $2" >>"$UV_CALLS"
case "$*" in *--compile-bytecode*) echo "compiled by $1 $2" >>"$UV_CALLS" ;; esac
case "$1 $2" in
  "python install") exit 2 ;;
  "venv "*) mkdir -p .venv/bin && ln -s {sys.executable} .venv/bin/python ;;
  "pip sync") if [ -e failing-build ]; then cat failing-build >&2; exit 1; fi
              echo "error: no route to PyPI" >&2; [ ! -e no-network ] ;;
esac
"""
# Programs of this machine that the set-up runs. It sees no others, so no Python of this machine either.
TOOLS = (
    *("bash", "cat", "cut", "dirname", "flock", "grep", "head", "ln", "mkdir", "rm", "sed", "sh"),
    *("sha256sum", "sort", "tail", "uname"),
)


class Project:
    """A folder with all that the set-up reads, and a uv on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self._calls = folder / "calls"
        shutil.copytree(ROOT / "requirements", self.folder / "requirements")
        for name in (
            "setup.py",
            "trainer_module/legacy_keras.pth",
            "trainer_module/quiet_libraries.pth",
            "trainer_module/system_sqlite.pth",
            "trainer_module/__init__.py",
        ):
            (self.folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, self.folder / name)
        (self.folder / "local_runner.py").touch()
        self._bin = folder / "bin"
        self._bin.mkdir()
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found, tool
            (self._bin / tool).symlink_to(found)
        self._program("uv", UV)
        self.machine("2.36", "3.10")
        self.environment = {"PATH": str(self._bin), "HOME": str(folder), "UV_CALLS": str(self._calls)}

    def _program(self, name: str, text: str) -> None:
        (self._bin / name).write_text(text)
        (self._bin / name).chmod(0o755)

    def machine(self, glibc: str, *pythons: str, without_headers: str = "") -> None:
        """Makes the set-up see this version of glibc and Pythons of these versions."""
        self._program("getconf", f"#!/bin/sh\necho glibc {glibc}\n")
        for old in self._bin.glob("python3*"):
            old.unlink()
        for version in pythons:
            self._program(f"python{version}", f"#!/bin/sh\necho /usr/bin/python{version}\n")
        if without_headers:
            self._program(f"python{without_headers}", "#!/bin/sh\nexit 1\n")

    def set_up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self._calls.write_text("")
        return subprocess.run(
            ["requirements/install.sh", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self, *kinds: str) -> list[str]:
        """The uv commands of the last set-up that change something, or what else its log holds of `kinds`."""
        return [
            call for call in self._calls.read_text().splitlines() if call.startswith(kinds or ("venv", "pip"))
        ]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_second_set_up_changes_nothing(project: Project) -> None:
    assert project.set_up().returncode == 0
    assert project.calls() == ["venv --no-project", "pip sync", "pip install"]

    again = project.set_up()

    assert (again.returncode, project.calls()) == (0, [])
    assert len(again.stderr.splitlines()) == 1


@pytest.mark.parametrize(("forbidden", "compiled"), [("1", ["compiled by pip sync"]), ("", [])])
def test_byte_code_is_made_at_once_where_python_may_not_write_it_later(
    forbidden: str, compiled: list[str], project: Project
) -> None:
    project.environment["PYTHONDONTWRITEBYTECODE"] = forbidden

    assert project.set_up().returncode == 0

    assert project.calls("compiled") == compiled


@pytest.mark.parametrize("changed", ["requirements/tfx-1.16.txt", "setup.py"])
def test_changed_requirements_update_the_environment_in_place(project: Project, changed: str) -> None:
    project.set_up()

    with (project.folder / changed).open("a") as file:
        file.write("# changed\n")

    assert project.set_up().returncode == 0
    assert project.calls() == ["pip sync", "pip install"]


def test_tools_of_development_are_added_and_stay(project: Project) -> None:
    project.set_up()

    project.set_up("--dev")
    assert project.calls() == ["pip sync", "pip install"]
    project.set_up()
    assert project.calls() == []

    with (project.folder / "requirements" / "tfx-1.16-dev.txt").open("a") as file:
        file.write("# changed\n")

    assert "tfx-1.16-dev.txt" in project.set_up().stderr
    assert project.calls() == ["pip sync", "pip install"]


def test_new_top_level_package_is_installed(project: Project) -> None:
    project.set_up()

    (project.folder / "serving").mkdir()
    (project.folder / "serving" / "__init__.py").touch()
    project.set_up()

    assert project.calls() == ["pip sync", "pip install"]


@pytest.mark.parametrize("lost", ["movielens-recommender.stamp", "bin/python"])
def test_interrupted_or_broken_environment_is_made_again(project: Project, lost: str) -> None:
    project.set_up()
    left_over = project.folder / ".venv" / "half-installed"
    left_over.touch()

    (project.folder / ".venv" / lost).unlink()

    assert project.set_up().returncode == 0
    assert project.calls() == ["venv --no-project", "pip sync", "pip install"]
    assert not left_over.exists()


def test_moved_project_gets_a_new_environment(project: Project) -> None:
    project.set_up()

    project.folder = project.folder.rename(project.folder.with_name("moved"))
    project.set_up()

    assert project.calls() == ["venv --no-project", "pip sync", "pip install"]


def test_failed_installation_leaves_no_environment(project: Project) -> None:
    (project.folder / "no-network").touch()

    done = project.set_up()

    assert done.returncode != 0
    assert "no route to PyPI" in done.stderr
    assert not (project.folder / ".venv").exists()


def test_the_error_of_a_compiler_is_shown(project: Project) -> None:
    # As uv reports a build that failed.
    failed = (
        "  \N{MULTIPLICATION SIGN} Failed to build `x`\n      x.c:1:10: fatal error: Python.h: No such file\n"
    )
    (project.folder / "failing-build").write_text(f"Building x\n + y==1\n{failed}", "utf-8")

    done = project.set_up()

    assert done.returncode != 0
    assert "      x.c:1:10: fatal error: Python.h: No such file\n" in done.stderr
    assert " + y==1" not in done.stderr


def test_missing_python_is_an_error_with_how_to_get_it(project: Project) -> None:
    project.machine("2.36", "3.13")

    done = project.set_up()

    assert done.returncode != 0
    for way in ("uv python install 3.10", "pyenv install 3.10", "apt-get install python3.10"):
        assert way in done.stderr
    assert not (project.folder / ".venv").exists()


@pytest.mark.parametrize(
    ("glibc", "pythons", "python", "tfx"),
    [
        ("2.36", ["3.10", "3.11", "3.13"], "3.10", "1.16"),
        ("2.38", ["3.10", "3.12"], "3.10", "1.16"),
        ("2.39", ["3.10", "3.11", "3.12", "3.13"], "3.13", "1.21"),
        ("2.39", ["3.10", "3.12"], "3.12", "1.21"),
        ("2.41", ["3.11"], "3.11", "1.21"),
        ("2.41", ["3.10"], "3.10", "1.16"),
    ],
)
def test_the_newest_stack_that_the_machine_can_run_is_chosen(
    project: Project, glibc: str, pythons: list[str], python: str, tfx: str
) -> None:
    project.machine(glibc, *pythons)

    done = project.set_up()

    assert done.returncode == 0
    [line] = [line for line in done.stderr.splitlines() if "TFX" in line]
    assert f"Python {python} with TFX {tfx}" in line
    assert glibc in line
    assert f"requirements/tfx-{tfx}.txt" in done.stderr


def test_python_without_headers_is_passed_over(project: Project) -> None:
    project.machine("2.41", "3.12", without_headers="3.13")

    assert "Python 3.12 with TFX 1.21" in project.set_up().stderr


@pytest.mark.parametrize(
    ("asked", "glibc", "tfx"), [("3.10", "2.41", "1.16"), ("3.11", "2.41", "1.21"), ("3.12", "2.41", "1.21")]
)
def test_python_that_is_asked_for_overrides_the_choice(
    project: Project, asked: str, glibc: str, tfx: str
) -> None:
    project.machine(glibc, "3.10", "3.11", "3.12", "3.13")

    done = project.set_up(asked)

    assert done.returncode == 0
    assert f"Python {asked} with TFX {tfx}" in done.stderr


@pytest.mark.parametrize(
    ("asked", "glibc", "named"), [("3.9", "2.41", "3.13"), ("3.14", "2.41", "3.13"), ("3.13", "2.36", "2.39")]
)
def test_impossible_choice_is_refused_before_anything_is_downloaded(
    project: Project, asked: str, glibc: str, named: str
) -> None:
    project.machine(glibc, "3.9", "3.10", "3.13", "3.14")

    done = project.set_up(asked)

    assert done.returncode != 0
    assert asked in done.stderr
    assert named in done.stderr
    assert project.calls() == []
