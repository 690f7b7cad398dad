"""Compiles the pipeline to a Kubeflow PipelineSpec, which a cluster runs in containers of one image."""

import argparse
import importlib.util
import json
import logging
import posixpath
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pipeline.config import ConfigError, PipelineConfig, load_config
from pipeline.settings_flags import add_settings_flags

# TFX takes seconds to import, so bad input is refused before that, and `--help` does without.

SUCCEEDED, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
FORMATS: Final = (".json", ".yaml")

_EPILOG: Final = """\
examples:
  kubeflow_runner.py --config cluster.yaml
      writes movielens.json and movielens.yaml below runs/kubeflow
  kubeflow_runner.py --output movielens.yaml --set data_dir=gs://bucket/ml-25m \\
      --set kubeflow.image=europe-docker.pkg.dev/project/images/movielens:1 --set kubeflow.root=gs://bucket/movielens
      one file, with everything on the command line

cluster.yaml then contains:
  data_dir: gs://bucket/ml-25m             # read by the nodes: an address, or a folder of the image
  kubeflow:
    image: europe-docker.pkg.dev/project/images/movielens:1   # built from deploy/Dockerfile
    root: gs://bucket/movielens            # storage that every node reaches
    name: movielens

Nothing is sent to a cluster: upload the file in the Kubeflow Pipelines console, or pass it to `kfp run create
--package-file` or to a Vertex AI PipelineJob. Exit status: 0 compiled, 1 not compiled, 2 bad input.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Compiles the pipeline by the flags and returns the exit status."""
    args = _parser().parse_args(argv)
    try:
        settings = load_config(args.config, args.overrides, args.preset)
        config = _cluster_config(settings)
        files = _files(args.output, settings)
        if importlib.util.find_spec("kfp") is None:
            raise ConfigError(
                "the Kubeflow compiler is not installed: pip install 'movielens-recommender[kfp]'"
            )
        nodes = _compile(config, files, verbose=args.verbose)
    except ConfigError as error:
        return _fail(str(error), BAD_INPUT)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except Exception as error:
        if args.verbose:
            logging.exception("the pipeline was not compiled")
        from pipeline.local_run.root_cause import root_cause

        return _fail(f"{root_cause(error)} (--verbose shows where)", FAILED)
    for file in files:
        print(f"{file}: {nodes} nodes, image {config.kubeflow.image}, root {config.kubeflow.root}")
    return SUCCEEDED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubeflow_runner.py",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--output", metavar="FILE", help="file that ends in .json or .yaml (default: one of each)"
    )
    add_settings_flags(parser)
    return parser


def _cluster_config(config: PipelineConfig) -> PipelineConfig:
    """Checks what only a cluster needs and gives the pipeline its name and root there.

    Raises:
      ConfigError: a setting is missing, or means this machine.
    """
    root, data_dir = config.kubeflow.root, config.data_dir
    if config.kubeflow.image is None:
        raise ConfigError(
            "kubeflow.image is not set: the image made from deploy/Dockerfile, for example "
            "--set kubeflow.image=registry.example/movielens:1"
        )
    if root is None or "://" not in root:
        raise ConfigError(
            f"kubeflow.root is {root!r}: name storage that every node reaches, for example "
            "--set kubeflow.root=gs://bucket/movielens"
        )
    if data_dir is None or not ("://" in data_dir or posixpath.isabs(data_dir)):
        raise ConfigError(
            f"data_dir is {data_dir!r}: the nodes read the MovieLens files themselves, so name an "
            "address, for example --set data_dir=gs://bucket/ml-25m, or an absolute path inside the image"
        )
    if config.export.mlflow_uri or config.export.webhook:
        raise ConfigError("export is for local runs: leave export.mlflow_uri and export.webhook out")
    changed = {"output": root.rstrip("/"), "pipeline_name": config.kubeflow.name}
    return config.model_copy(update=changed)


def _files(output: str | None, settings: PipelineConfig) -> list[Path]:
    """The files to write, in a folder that is there.

    Raises:
      ConfigError: the name of `output` does not have a known ending, or its folder cannot be made.
    """
    if output is not None:
        files = [Path(output)]
    elif "://" in settings.output:
        raise ConfigError(f"output is {settings.output!r}: name a file on this machine with --output")
    else:
        folder = Path(settings.output).expanduser() / "kubeflow"
        files = [folder / f"{settings.kubeflow.name}{suffix}" for suffix in FORMATS]
    for file in files:
        if file.suffix not in FORMATS:
            raise ConfigError(f"--output {file}: the name has to end in {' or '.join(FORMATS)}")
        if file.is_dir():
            raise ConfigError(f"--output {file}: is a folder; name a file")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{file.parent} cannot be made ({error.strerror}); name another file with --output"
            ) from error
    return files


def _compile(config: PipelineConfig, files: Sequence[Path], *, verbose: bool) -> int:
    """Writes the PipelineSpec of `create_pipeline(config)` to the files and returns its number of nodes."""
    from pipeline.local_run.log_capture import captured_output

    # Without --verbose nobody misses the log of a compilation: what fails is in the error.
    with (
        tempfile.TemporaryDirectory() as folder,
        captured_output(Path(folder) / "compile.log", show=verbose),
    ):
        from pipeline.pipeline import create_pipeline, failure_report

        dag = create_pipeline(config)
        spec = pipeline_spec(dag, config, failure_report(dag, config))
    for file in files:
        _write(file, spec)
    return len(dag.components)


def pipeline_spec(dag: Any, config: PipelineConfig, exit_handler: Any = None) -> dict[str, Any]:
    """Compiles a TFX pipeline to a PipelineSpec (schema 2.1, what Kubeflow Pipelines 2 and Vertex AI read).

    Args:
      dag: the TFX pipeline.
      config: the image of the containers is `kubeflow.image`, the default root `kubeflow.root`.
      exit_handler: a component that runs when all others have ended, however they did.

    Returns:
      The PipelineSpec as plain data, with the tasks under the ids of the nodes. With an exit handler, the
      pipeline is a task of its own, `tfx-dag`, beside that of the exit handler.
    """
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(
        kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
            default_image=config.kubeflow.image, use_pipeline_spec_2_1=True
        )
    )
    if exit_handler is not None:
        runner.set_exit_handler(exit_handler)
    job: dict[str, Any] = runner.run(dag, write_out=False)
    # What the gate decides depends on what was accepted before, and what is served on what was pushed: of
    # Kubeflow's cache does not have it either.
    # With an exit handler the nodes are in a DAG below the root's.
    below = (component.get("dag") for component in job["pipelineSpec"]["components"].values())
    for tasks in (found["tasks"] for found in (job["pipelineSpec"]["root"]["dag"], *below) if found):
        for name, task in tasks.items():
            if name.endswith(("DataGate", "ServedModel")):
                task.pop("cachingOptions", None)
    # TFX leaves the root to the job; in the spec, the file itself has the place where it writes.
    spec: dict[str, Any] = {**job["pipelineSpec"], "defaultPipelineRoot": config.kubeflow.root}
    return spec


def _write(file: Path, spec: dict[str, Any]) -> None:
    import yaml

    if file.suffix == ".json":
        text = json.dumps(spec, indent=2, sort_keys=True) + "\n"
    else:
        text = yaml.safe_dump(spec, sort_keys=True)
    try:
        partial = file.with_name(f".{file.name}.partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be written ({error.strerror}); name another with --output"
        ) from error


def _fail(message: str, status: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
