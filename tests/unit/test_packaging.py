"""What setup.py promises: the legacy Keras switch, the ranges, and lock files that fulfil them."""

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "movielens-recommender"
DEFAULTS: dict[str, str] = {name: str(value) for name, value in default_environment().items()}
EXTRAS = ("", "kfp", "serving", "app", "serving-client", "studies", "docs", "dev")
# What `make run` installs.
RUN_EXTRAS = ("", "kfp", "serving", "app")
PYTHONS = {"3.10": "1.16", "3.11": "1.21", "3.12": "1.21", "3.13": "1.21"}


def bare_python(code: str, folder: Path) -> str:
    """What `code` prints in a Python that inherits no switch and does not stand in the project."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("TF_USE_LEGACY_KERAS", "PYTHONPATH", "PYTEST_CURRENT_TEST")
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def requirements(python: str, extras: tuple[str, ...] = EXTRAS) -> dict[str, list[Requirement]]:
    """The requirements that apply to a version of Python, by package."""
    applying: dict[str, list[Requirement]] = {}
    for line in metadata.requires(PROJECT) or []:
        requirement = Requirement(line)
        if requirement.marker is None or any(
            requirement.marker.evaluate({**environment(python), "extra": extra}) for extra in extras
        ):
            applying.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return applying


def environment(python: str) -> dict[str, str]:
    return {**DEFAULTS, "python_version": python, "python_full_version": f"{python}.0"}


def locked(python: str, part: str = "-dev") -> dict[str, Version]:
    """The version of each package in the lock file for a version of Python."""
    text = (ROOT / "requirements" / f"tfx-{PYTHONS[python]}{part}.txt").read_text()
    lines = [
        line.removesuffix("\\") for line in text.splitlines() if line and not line.startswith((" ", "#"))
    ]
    pins = [Requirement(line) for line in lines]
    here = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(environment(python))]
    return {canonicalize_name(pin.name): Version(str(pin.specifier).removeprefix("==")) for pin in here}


def test_every_python_process_starts_with_legacy_keras(tmp_path: Path) -> None:
    assert bare_python("import os; print(os.environ['TF_USE_LEGACY_KERAS'])", tmp_path) == "1"


@pytest.mark.slow
def test_tensorflow_in_a_bare_process_is_keras_2(tmp_path: Path) -> None:
    module = bare_python("import tensorflow as tf; print(tf.keras.Model.__module__)", tmp_path)

    assert module.split(".")[0] == "tf_keras"


@pytest.mark.slow
def test_sqlite_has_full_text_search_whatever_tensorflow_brings(tmp_path: Path) -> None:
    table = "create virtual table words using fts5(word)"

    bare_python(f"import tensorflow, sqlite3; sqlite3.connect(':memory:').execute('{table}')", tmp_path)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(("part", "extras"), [("-dev", EXTRAS), ("", RUN_EXTRAS)])
def test_lock_file_fulfils_every_range(python: str, part: str, extras: tuple[str, ...]) -> None:
    versions = locked(python, part)

    unfulfilled = [
        f"{requirement} is locked at {versions.get(name, 'nothing')}"
        for name, several in requirements(python, extras).items()
        for requirement in several
        if name not in versions or not requirement.specifier.contains(versions[name], prereleases=True)
    ]

    assert unfulfilled == []


@pytest.mark.parametrize("python", PYTHONS)
def test_what_running_needs_is_a_part_of_the_development_lock(python: str) -> None:
    run, dev = locked(python, ""), locked(python)

    assert run.items() < dev.items()
    assert {"pytest", "mypy", "implicit", "mkdocs"} <= dev.keys() - run.keys()


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_every_locked_package_has_hashes(lock: Path) -> None:
    text = lock.read_text()

    pins = re.findall(r"^[a-z0-9].*==.*$", text, re.MULTILINE)

    assert len(pins) > 200
    assert [pin for pin in pins if not pin.endswith("\\")] == []
    assert text.count("--hash=sha256:") >= len(pins)


@pytest.mark.parametrize(
    ("python", "tfx", "tensorflow", "tfma"),
    [
        ("3.10", "1.16", "2.16", "0.47"),
        ("3.11", "1.21", "2.21", "0.52"),
        ("3.12", "1.21", "2.21", "0.52"),
        ("3.13", "1.21", "2.21", "0.52"),
    ],
)
def test_each_python_gets_one_stack(python: str, tfx: str, tensorflow: str, tfma: str) -> None:
    applying = requirements(python)

    for name, line in {
        "tfx": tfx,
        "tensorflow": tensorflow,
        "tf-keras": tensorflow,
        "tensorflow-transform": tfx,
        "tensorflow-data-validation": tfx,
        "tensorflow-model-analysis": tfma,
    }.items():
        assert len(applying[name]) == 1, name
        assert applying[name][0].specifier.contains(f"{line}.99"), name
        assert not applying[name][0].specifier.contains("0.1"), name


def test_light_client_takes_what_the_extra_names_and_has_the_same_version() -> None:
    light = (ROOT / "serving" / "pyproject.toml").read_text()
    [listed] = re.findall(r"^dependencies = (.*)$", light, re.MULTILINE)
    [version] = re.findall(r'^version = "(.*)"$', light, re.MULTILINE)
    extra = [line for line in metadata.requires(PROJECT) or [] if 'extra == "serving-client"' in line]

    ours = {canonicalize_name(Requirement(text).name) for text in json.loads(listed)}

    assert ours == {canonicalize_name(Requirement(line).name) for line in extra}
    assert ours == {"grpcio", "numpy", "protobuf"}
    assert version == metadata.version(PROJECT)


def test_light_client_uses_nothing_newer_than_the_oldest_python_it_is_declared_for() -> None:
    light = (ROOT / "serving" / "pyproject.toml").read_text()
    [declared] = re.findall(r'^requires-python = "(.*)"$', light, re.MULTILINE)
    named = re.findall(r"Programming Language :: Python :: (3\.\d+)", light)
    parts = [
        "contracts",
        *(f"serving/{name}" for name in ("__init__.py", "__main__.py", "client", "commands", "request_log")),
    ]

    done = subprocess.run(
        [Path(sys.executable).with_name("vermin"), f"--target={named[0]}-", "--violations", *parts],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    versions = [f"3.{minor}" for minor in range(8, 16)]
    assert named == [version for version in versions if SpecifierSet(declared).contains(version)]
    # An alias is evaluated, and vermin takes that of two types for an annotation.
    files = [file for part in parts for file in [ROOT / part, *(ROOT / part).rglob("*.py")] if file.is_file()]
    assert [file for file in files if re.search(r"^\w+ = .* \| ", file.read_text(), re.MULTILINE)] == []


def test_pythons_outside_the_two_stacks_are_refused() -> None:
    supported = SpecifierSet(metadata.metadata(PROJECT)["Requires-Python"])

    versions = ["3.9.18", "3.10.0", "3.11.7", "3.12.1", "3.13.9", "3.14.0"]

    assert list(supported.filter(versions)) == ["3.10.0", "3.11.7", "3.12.1", "3.13.9"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `pip install .` would put into site-packages."""
    folder = tmp_path_factory.mktemp("installed") / "lib"
    base = tmp_path_factory.mktemp("build")
    command = ["setup.py", "--quiet", "build", "--build-base", str(base), "--build-lib", str(folder)]
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True, capture_output=True)
    return folder


def test_an_installation_has_every_file_that_the_packages_read(installed: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    # What a package holds beside code: presets, schemas, templates, messages.
    needed = {
        name
        for name in listed.splitlines()
        if (installed / name.partition("/")[0] / "__init__.py").is_file()
        and not name.endswith((".py", ".toml", ".pth"))
    }

    assert {"schema/ratings.pbtxt", "reports/templates/page.html", "pipeline/configs/default.yaml"} <= needed
    assert [name for name in sorted(needed) if not (installed / name).is_file()] == []


def test_the_installed_command_refuses_what_it_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    (script,) = metadata.entry_points(group="console_scripts", name=PROJECT)

    assert script.load()(["rum"]) == 2
    assert "'rum'" in capsys.readouterr().err
    assert script.load()(["run", "--set", "nothing=1"]) == 2


@pytest.mark.slow
def test_the_installed_command_works_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = "import movielens_recommender, sys; sys.exit(movielens_recommender.main(sys.argv[1:]))"
    flags = [
        "compile",
        "--output",
        "movielens.yaml",
        "--preset",
        "best",
        "--set",
        "data_dir=gs://bucket/ml-1m",
    ]
    flags += ["--set", "kubeflow.image=image:1", "--set", "kubeflow.root=gs://bucket/movielens"]

    done = subprocess.run(
        [sys.executable, "-c", code, *flags],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "movielens.yaml").is_file()


def test_the_table_of_versions_is_that_of_the_locks() -> None:
    page = (ROOT / "docs" / "reference" / "dependencies.md").read_text()
    rows = re.findall(r"^\| ([a-z0-9-]+) \| ([0-9.]+) \| ([0-9.]+) \|$", page, re.MULTILINE)

    assert len(rows) > 10
    for name, legacy, current in rows:
        assert str(locked("3.10")[name]) == legacy, name
        assert {str(locked(python)[name]) for python in ("3.11", "3.12", "3.13")} == {current}, name
