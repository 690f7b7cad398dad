"""Beam runner profiles: what each runner needs on its command line.

Beam's `DaskRunner` is left out on purpose: it loses data silently.
"""

from collections.abc import Sequence
from typing import Final, Literal

RunnerName = Literal["local", "flink", "spark", "dataflow"]

# The flags that a profile brings. `local` names the in-process runner because Beam's default would
# download a Prism binary, and a container image (which this runner never starts) because TFX otherwise
# builds a source distribution of itself in every Beam node.
_DEFAULTS: Final[dict[RunnerName, tuple[str, ...]]] = {
    "local": ("--runner=FnApiRunner", "--sdk_container_image=unused"),
    "flink": ("--runner=PortableRunner", "--environment_type=DOCKER"),
    "spark": ("--runner=PortableRunner", "--environment_type=DOCKER"),
    "dataflow": ("--runner=DataflowRunner",),
}

_IMAGE: Final = "sdk_container_image"

# Flags that bring this project to the workers in another way than by a container image.
_OTHER_ENVIRONMENTS: Final = frozenset({"environment_type", "setup_file"})

# The flags that only the user can set, each with what it stands for.
_NEEDED: Final[dict[RunnerName, dict[str, str]]] = {
    "local": {},
    "flink": {
        "job_endpoint": "host:port of the Beam job server in front of Flink",
        _IMAGE: "image with this project for the workers",
    },
    "spark": {
        "job_endpoint": "host:port of the Beam job server in front of Spark",
        _IMAGE: "image with this project for the workers",
    },
    "dataflow": {
        "project": "Google Cloud project",
        "region": "Google Cloud region",
        "temp_location": "gs:// folder for temporary files",
        _IMAGE: "image with this project for the workers",
    },
}


def beam_pipeline_args(runner: RunnerName, args: Sequence[str] = ()) -> list[str]:
    """Returns the profile's flags followed by `args`; a flag in `args` replaces the profile's.

    Args:
      runner: name of the profile.
      args: Beam flags of the form `--name=value` or `--name`.

    Raises:
      ValueError: a flag is malformed, names another runner, or one that the profile needs is missing.
    """
    given = {}
    for arg in args:
        name, _, value = arg.removeprefix("--").partition("=")
        if not arg.startswith("--") or not name.isidentifier():
            raise ValueError(f"beam.args: {arg!r} is not a flag of the form --name=value")
        given[name] = value
    if "runner" in given:
        raise ValueError(
            f"beam.args: choose the runner with beam.runner ({', '.join(_DEFAULTS)}), not with --runner"
        )
    missing = [
        f"--{name}=<{what}>"
        for name, what in _NEEDED[runner].items()
        if not given.get(name) and not (name == _IMAGE and _OTHER_ENVIRONMENTS & given.keys())
    ]
    if missing:
        raise ValueError(f"beam.runner is {runner!r}, so beam.args needs {', '.join(missing)}")
    profile = [flag for flag in _DEFAULTS[runner] if flag.removeprefix("--").partition("=")[0] not in given]
    return [*profile, *args]
