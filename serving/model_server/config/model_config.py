"""Which models are served: the text protos that `tensorflow_model_server` reads, checked."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import grpc
from google.protobuf import text_format
from tensorflow_serving.config import file_system_storage_path_source_pb2, model_server_config_pb2

from serving.model_server.errors import ModelServerError, invalid_argument

TENSORFLOW_PLATFORM = "tensorflow"
_Policy: TypeAlias = (
    file_system_storage_path_source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy
)


@dataclass(frozen=True)
class VersionPolicy:
    """Which of the versions on disk are served.

    Attributes:
      latest: how many of the newest ones; 0 stands for all of them.
      specific: these and no others, if there are any.
    """

    latest: int = 1
    specific: frozenset[int] = frozenset()

    def choose(self, versions: Collection[int]) -> set[int]:
        """The versions to serve out of those on disk."""
        if self.specific:
            return set(self.specific) & set(versions)
        return set(sorted(versions, reverse=True)[: self.latest or None])


@dataclass(frozen=True)
class ModelConfig:
    """One model.

    Attributes:
      name: what requests call it.
      base_path: the folder that holds its versions, absolute.
      policy: which of them are served.
      labels: names of versions.
    """

    name: str
    base_path: Path
    policy: VersionPolicy = VersionPolicy()
    labels: Mapping[str, int] = field(default_factory=dict)


def read_model_config(file: Path) -> list[ModelConfig]:
    """Reads a file for `--model_config_file`.

    Raises:
      ModelServerError: the file does not exist, is not a text-format ModelServerConfig, or is not valid.
    """
    try:
        config = text_format.Parse(file.read_bytes(), model_server_config_pb2.ModelServerConfig())
    except (OSError, text_format.ParseError, UnicodeDecodeError) as problem:
        raise invalid_argument(
            f"--model_config_file {file} is not a text-format ModelServerConfig: {problem}"
        ) from problem
    try:
        return models_of(config)
    except ModelServerError as problem:
        raise ModelServerError(problem.code, f"--model_config_file {file}: {problem.message}") from problem


def models_of(config: model_server_config_pb2.ModelServerConfig) -> list[ModelConfig]:
    """The models of a configuration.

    Raises:
      ModelServerError: the configuration makes no sense.
    """
    if config.WhichOneof("config") == "custom_model_config":
        raise invalid_argument("custom_model_config is not supported: list the models in model_config_list")
    models = [_model(entry) for entry in config.model_config_list.config]
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise invalid_argument(f"Illegal to list model {name} multiple times in config list")
    return models


def check_roots(models: Collection[ModelConfig], roots: Collection[Path]) -> None:
    """Refuses models whose folders are not at or below one of the roots, symbolic links followed.

    Raises:
      ModelServerError: PERMISSION_DENIED.
    """
    real_roots = [Path(os.path.realpath(root)) for root in roots]
    for model in models:
        base = Path(os.path.realpath(model.base_path))
        if not any(base == root or root in base.parents for root in real_roots):
            raise ModelServerError(
                grpc.StatusCode.PERMISSION_DENIED,
                f"model {model.name}: base_path {model.base_path} is not below a folder that this server was "
                "started with; --model_root adds one",
            )


def _model(entry: model_server_config_pb2.ModelConfig) -> ModelConfig:
    if not entry.name:
        raise invalid_argument("a model in model_config_list does not have a name")
    if "\0" in entry.base_path or not os.path.isabs(entry.base_path):
        raise invalid_argument(
            f"Expected model {entry.name} to have an absolute path or URI; got base_path()={entry.base_path}"
        )
    platform = entry.model_platform or (TENSORFLOW_PLATFORM if entry.model_type == 1 else "")
    if platform != TENSORFLOW_PLATFORM:
        raise invalid_argument(
            f'model {entry.name}: model_platform must be "{TENSORFLOW_PLATFORM}", not "{platform}"'
        )
    policy = _policy(entry.name, entry.model_version_policy)
    return ModelConfig(entry.name, Path(entry.base_path), policy, dict(entry.version_labels))


def _policy(name: str, policy: _Policy) -> VersionPolicy:
    match policy.WhichOneof("policy_choice"):
        case "all":
            return VersionPolicy(latest=0)
        case "specific":
            if not policy.specific.versions:
                raise invalid_argument(f"model {name}: the version policy `specific` lists no versions")
            return VersionPolicy(specific=frozenset(policy.specific.versions))
        case "latest":
            # Zero is what an unset field reads as.
            return VersionPolicy(latest=policy.latest.num_versions or 1)
        case _:
            return VersionPolicy()
